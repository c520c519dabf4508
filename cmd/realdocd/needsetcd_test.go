package main

import (
	"strings"
	"testing"
)

func TestOnlyCommandsOfAFleetNeedEtcd(t *testing.T) {
	for command, want := range map[string]bool{
		"": false, "serve --config fleet": false, "status": false, "flip shop fleet": false, "deploy shop fleet": false, "help": false, "--help": false,
		"fleet": true, "fleet status": true, "help fleet": true, "deploy shop ./build --fleet": true, "deploy --fleet=true shop x": true,
		"__complete fleet f": true, "__completeNoDesc fleet flip shop ": true, "__complete status ": false,
	} {
		if got := needsEtcd(strings.Fields(command)); got != want {
			t.Errorf("realdocd %s: %v", command, got)
		}
	}
}
