package gateway

import (
	"os"
	"path/filepath"

	"realdocd/gateway/fpm"
)

// layProbe writes the probe beside the control socket, or else into a directory
// that other users can read too.
func (s *Server) layProbe(control string) {
	dir := controlDir(control)
	var err error
	if dir == "" {
		if dir, err = os.MkdirTemp("", "realdocd-"); err == nil {
			err = os.Chmod(dir, 0o755)
		}
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
	if s.probe != "" && controlDir(s.setup.Load().cfg.Control) == "" {
		os.RemoveAll(filepath.Dir(s.probe))
	}
}
