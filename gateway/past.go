package gateway

import "slices"

// releasesOf are the releases of a link that were live once, as far as the history
// goes, the newest first. It reads a file.
func (h *history) releasesOf(site, link string) (paths []string) {
	if h.dir == "" {
		return nil
	}
	events, err := h.read(site, link)
	if err != nil {
		h.log.Error().Err(err).Str("site", site).Msg("history not read: see state_dir")
	}
	for _, e := range slices.Backward(events) {
		if !slices.Contains(paths, e.Release) {
			paths = append(paths, e.Release)
		}
	}
	return paths
}
