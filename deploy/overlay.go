package deploy

import (
	"os"
	"strings"
)

// overlayLayers are the directories of the overlay that has a path, as mount(8) was given
// them; nil if they cannot be told. Those of a container's own root are paths of another
// mount namespace: they are not found here, and that overlay does not pass for local.
func overlayLayers(path string) []string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return layersOf(path, string(mounts))
}

// layersOf finds the mount of a path in the text of proc(5)'s mountinfo, and its layers.
func layersOf(path, mountinfo string) (layers []string) {
	at := ""
	for line := range strings.Lines(mountinfo) {
		mount, filesystem, ok := strings.Cut(line, " - ")
		fields, super := strings.Fields(mount), strings.Fields(filesystem)
		if !ok || len(fields) < 5 || len(super) < 3 {
			continue
		}
		point := unescapeMount(fields[4])
		if !below(path, point) || len(point) < len(at) { // of two at one point the later one is on top
			continue
		}
		at, layers = point, nil
		if super[0] == "overlay" {
			layers = layersIn(super[2])
		}
	}
	return layers
}

// layersIn are the layers in the options of an overlay.
func layersIn(options string) (layers []string) {
	for option := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "lowerdir", "lowerdir+", "datadir+":
			for dir := range strings.SplitSeq(value, ":") {
				if dir != "" {
					layers = append(layers, unescapeMount(dir))
				}
			}
		case "upperdir", "workdir":
			layers = append(layers, unescapeMount(value))
		}
	}
	return layers
}
