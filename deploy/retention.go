package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Plan is what is to become of the directories below a site's releases.
type Plan struct {
	// Removing are those whose removal was killed.
	Removing []string
	// NeverLive were refused or interrupted before they went live.
	NeverLive []string
	// Expired have been live, and are older than those that are kept, the oldest
	// first.
	Expired []string
	// Left are the names of what deploy has not made.
	Left []string
}

// stillFetched is how long after its beginning a release may still be on its way here.
const stillFetched = 24 * time.Hour

// A Retention says which releases a site keeps.
type Retention struct {
	Releases string // the directory
	Site     string
	Records  *Records
	// Lived gives when a release, by its real path, has been live last; zero for
	// never.
	Lived func(release string) time.Time
	// Keep counts releases that have been live, beside those of Stay: the live one
	// and the one that a rollback goes to.
	Keep int
	Stay []string
}

// Plan looks at what there is. Newest is what was live last, whatever its name.
func (r Retention) Plan() (Plan, error) {
	entries, err := os.ReadDir(r.Releases)
	if err != nil {
		return Plan{}, fmt.Errorf("look for old releases: %w", err)
	}
	type lived struct {
		path string
		when time.Time
	}
	var plan Plan
	var before []lived
	for _, e := range entries {
		path := filepath.Join(r.Releases, e.Name())
		if !e.IsDir() || !r.Records.fits(path, r.Site) {
			plan.Left = append(plan.Left, e.Name())
			continue
		}
		real, err := canonical(path)
		if err != nil {
			return Plan{}, fmt.Errorf("look for old releases: %w", err)
		}
		if slices.Contains(r.Stay, real) {
			continue
		}
		when := r.Lived(real)
		rec, _ := r.Records.Of(path)
		if rec != nil && rec.Lived.After(when) {
			when = rec.Lived
		}
		switch fetched := rec != nil && !rec.Fetched.IsZero(); {
		case strings.HasSuffix(path, removingSuffix):
			plan.Removing = append(plan.Removing, path)
		case fetched && strings.HasSuffix(path, partialSuffix) && time.Since(rec.Fetched) < stillFetched:
		case fetched && when.IsZero() && !strings.HasSuffix(path, partialSuffix): // its flip is to come
			before = append(before, lived{path, rec.Filled})
		case when.IsZero() || strings.HasSuffix(path, partialSuffix):
			plan.NeverLive = append(plan.NeverLive, path)
		default:
			before = append(before, lived{path, when})
		}
	}
	slices.SortFunc(before, func(a, b lived) int { return a.when.Compare(b.when) })
	for _, old := range before[:max(0, len(before)-r.Keep)] {
		plan.Expired = append(plan.Expired, old.path)
	}
	return plan, nil
}

// ForgetGone removes the records of a site's releases that are not there any more,
// where the directory that held them is.
func (r *Records) ForgetGone(site string) error {
	all, err := r.All()
	if err != nil {
		return err
	}
	for _, rec := range all {
		dir := filepath.Dir(rec.Path)
		if rec.Site != site || rec.Kind != KindRelease || !exists(dir) || exists(rec.Path) {
			continue
		}
		name := filepath.Base(rec.Path)
		if exists(filepath.Join(dir, "."+name+partialSuffix)) || exists(filepath.Join(dir, "."+name+removingSuffix)) {
			continue
		}
		if err := r.Forget(rec.Path); err != nil {
			return err
		}
	}
	return nil
}
