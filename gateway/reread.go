package gateway

import (
	"context"

	"realdocd/gateway/control"
)

// OnReread says who reads the configuration again if an operator asks for it on the
// control socket, and calls Reload with it. It is called before Serve, once.
func (s *Server) OnReread(reread func(context.Context) error) { s.reread = reread }

// Reread has the configuration read again. Its error has a line for each fault.
func (s *Server) Reread(ctx context.Context) error {
	if s.reread == nil {
		return control.ErrNoFile
	}
	return s.reread(ctx)
}
