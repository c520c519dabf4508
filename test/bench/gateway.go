package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// startReusing starts a realdocd, and returns when it has found out what FPM is, and whether
// it may keep connections. If it may not, the figures are those without, and a line says so.
func startReusing(s *stack.Stack, c stack.GatewayConfig) (*stack.Gateway, error) {
	gw := s.Gateway(c)
	said, err := gw.WaitEvent(0, 10*time.Second, func(e stack.Event) bool {
		text := e.String("message")
		return strings.HasPrefix(text, "connections to FPM are") || text == "FPM has told what it is"
	})
	if why := said.String("error"); why != "" {
		fmt.Println("connections to this FPM are not kept:", why)
	}
	return gw, err
}

// fpmOf is what realdocd says of the only FPM listener that it has.
func fpmOf(ctx context.Context, gw *stack.Gateway) (control.ServerStatus, error) {
	st, err := control.NewClient(string(gw.Control)).Status(ctx)
	if err != nil {
		return control.ServerStatus{}, err
	}
	if len(st.Pools) != 1 || len(st.Pools[0].Servers) != 1 {
		return control.ServerStatus{}, errors.New("realdocd has more than one FPM listener")
	}
	return st.Pools[0].Servers[0], nil
}
