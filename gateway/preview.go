package gateway

import (
	"fmt"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/pin"
)

// Preview gives a token that puts one browser on a release, a directory by its absolute path,
// for a time.
func (s *Server) Preview(name, docroot, release string, lasts time.Duration) (control.PreviewLink, error) {
	st, docroot, v, err := s.enterNamed(name, docroot, release)
	if err != nil {
		return control.PreviewLink{}, err
	}
	defer v.Withdraw()
	if v.Live() {
		return control.PreviewLink{}, fmt.Errorf("%w: %s", deploy.ErrLive, release)
	}
	st.releases.Open(v.Path)
	token, err := s.pinTo(st, docroot, v.Release, pin.Token{Kind: pin.Preview, Lasts: lasts})
	if err != nil {
		return control.PreviewLink{}, err
	}
	ends := time.Now().Add(lasts)
	text := "a link was made that shows the release until " + ends.Format(time.RFC3339)
	s.log.Info().Str("site", st.Name).Str("docroot", docroot).Str("release", v.Path).Msg(text)
	s.history.note(st.HistoryOf(), control.Note{Time: time.Now(), What: "preview", Docroot: docroot, Release: v.Path, Text: text})
	return control.PreviewLink{Token: token, Ends: ends}, s.writePins(st)
}

// previews says whether a request has a valid link to a release that is not live. It is asked
// before the request has a release, and enters none.
func (rq *request) previews() bool {
	keys := rq.conn.s.keys.Load()
	if keys == nil || !rq.site.readsPins.Load() {
		return false
	}
	var c carried
	rq.readCarried(&c)
	for _, sent := range c.pins[:c.n] {
		t, err := keys.Verify(sent.text)
		if err == nil && t.Kind == pin.Preview && t.Check(rq.site.tagOf(rq.docroot), rq.began, rq.site.PinMaxAge) == nil {
			return true
		}
	}
	return false
}
