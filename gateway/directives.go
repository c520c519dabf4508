package gateway

import (
	"errors"
	"io/fs"
	"net/url"

	"realdocd/deploy"
	"realdocd/gateway/fpm"
)

// directivesDir has, below state_dir, a file a pool: the directives that anything on it
// has set, with FPM's own values. A worker of FPM outlives us, and does not know its own
// value any more when the next process would ask.
const directivesDir = "directives"

// remember gives a pool what earlier processes have learnt of its FPM.
func (s *Server) remember(p *fpm.Pool) {
	stateDir, name := s.history.dir, url.PathEscape(p.Name)+".json"
	if stateDir == "" {
		return
	}
	var own map[string]string
	if err := deploy.ReadStateFile(stateDir, directivesDir, name, &own); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn().Err(err).Str("pool", p.Name).Msg("what FPM has of its own is asked again")
	}
	p.Remember(own, func(own map[string]string) {
		if err := deploy.WriteStateFile(stateDir, directivesDir, name, own); err != nil {
			s.log.Warn().Err(err).Str("pool", p.Name).Msg("what FPM has of its own is not known after a restart")
		}
	})
}
