package control

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxFleetText bounds each text of a report, in bytes.
const maxFleetText = 4096

// Check says what is wrong with a report; nil if it can be put to work. Nothing of it is taken
// otherwise: what an agent of another version means by a word that is not known here, nobody
// knows.
func (r *FleetReport) Check() error {
	if len(r.Standings) > MaxStandings {
		return fmt.Errorf("there are %d standings, and may be %d", len(r.Standings), MaxStandings)
	}
	seen := make(map[string]bool, len(r.Standings))
	for i := range r.Standings {
		s := &r.Standings[i]
		if err := s.check(); err != nil {
			return fmt.Errorf("where site %q stands: %w", s.Site, err)
		}
		if seen[s.Site] {
			return fmt.Errorf("site %q is there twice", s.Site)
		}
		seen[s.Site] = true
	}
	return nil
}

func (s *FleetStanding) check() error {
	switch {
	case len(s.Site) > maxFleetText || len(s.Release) > maxFleetText || strings.ContainsFunc(s.Site+s.Release, unicode.IsControl):
		return fmt.Errorf("a name is too long, or has control characters")
	case s.Site == "":
		return fmt.Errorf("it has no name")
	case !slices.Contains(FleetStates, s.State):
		return fmt.Errorf("want one of %q, not %q", FleetStates, s.State)
	case s.Next != "" && !slices.Contains(FleetStates, s.Next):
		return fmt.Errorf("want one of %q to follow, not %q", FleetStates, s.Next)
	case s.Next == "" && s.For != 0:
		return fmt.Errorf("a time is given, and no state that follows then")
	case s.Seq < 0:
		return fmt.Errorf("the number %d of its commit is below 0", s.Seq)
	}
	return nil
}

// clean takes out of texts for people what would break a line of a log or a table: some come
// from a hook.
func (r *FleetReport) clean() {
	for _, text := range []*string{&r.Group, &r.Host, &r.StoreError} {
		*text = cleanText(*text)
	}
	for i := range r.Standings {
		s := &r.Standings[i]
		s.Why, s.NextWhy = cleanText(s.Why), cleanText(s.NextWhy)
	}
}

func cleanText(text string) string {
	if len(text) > maxFleetText {
		text = strings.ToValidUTF8(text[:maxFleetText], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
}
