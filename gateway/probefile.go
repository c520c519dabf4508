package gateway

import (
	"cmp"
	"os"
	"path/filepath"

	"realdocd/gateway/fpm"
)

// layProbe writes the probe where the configuration says, or beside the control socket, or
// else into a directory that other users can read too.
func (s *Server) layProbe(cfg *Config) {
	dir := cmp.Or(cfg.ProbeDir, controlDir(cfg.Control))
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "realdocd-"); err == nil {
			err = os.Chmod(dir, 0o755)
		}
	}
	if err == nil {
		err = checkOwnDir(dir)
	}
	if err == nil {
		s.probe, err = fpm.WriteProbe(dir)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("connections to FPM are not kept: the PHP file that tells its version cannot be written")
	}
}

// removeProbe removes the probe if it has a directory to itself.
func (s *Server) removeProbe() {
	if cfg := &s.setup.Load().cfg; s.probe != "" && cfg.ProbeDir == "" && controlDir(cfg.Control) == "" {
		os.RemoveAll(filepath.Dir(s.probe))
	}
}
