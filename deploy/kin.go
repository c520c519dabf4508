package deploy

// kin are the directories of a docroot's releases that are known, by whichever path,
// and the release that each belongs to. It does not change.
type kin struct{ dirs, of []string }

func (k *kin) add(dir, release string) {
	k.dirs, k.of = append(k.dirs, dir), append(k.of, release)
}

// noteKinLocked writes down anew which releases are known.
func (d *docroot) noteKinLocked() {
	k := &kin{}
	for _, slot := range d.opts.Slots {
		k.add(slot, slot)
	}
	for _, r := range d.releases {
		k.add(r.Path, r.Path)
		if home := r.Home(); home != "" && home != r.Path {
			k.add(home, r.Path)
		}
	}
	d.kin.Store(k)
}

// Kin are the directories of the releases of the docroot that are remembered, and of
// its slots. The slice does not change.
func (r *Release) Kin() []string { return r.kin.Load().dirs }

// KinOf is the release of the docroot that a path is in, of those that are remembered;
// "" if it is in none.
func (r *Release) KinOf(path string) string {
	k := r.kin.Load()
	for i, dir := range k.dirs {
		if below(path, dir) {
			return k.of[i]
		}
	}
	return ""
}

// Home is the real path of the release's directory, which may be reached by another
// link.
func (r *Release) Home() string { return r.named.Load().home }
