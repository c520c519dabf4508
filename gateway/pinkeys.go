package gateway

import (
	"fmt"
	"path/filepath"
	"slices"

	"realdocd/deploy"
	"realdocd/gateway/pin"
)

// pinKeyName is the file in state_dir that has the keys, unless another is configured.
const pinKeyName = "pin.key"

// readKeys reads the keys of a configuration that has pins, which may be others than
// before. One that has none leaves what is known.
func (s *Server) readKeys(cfg *Config) error {
	wanted := slices.ContainsFunc(cfg.Sites, func(c SiteConfig) bool { return c.Pin != PinOff }) ||
		slices.ContainsFunc(s.setup.Load().sites.all, func(st *site) bool { return st.readsPins.Load() })
	if !wanted {
		return nil
	}
	_, err := s.pinKeys(cfg)
	return err
}

// pinKeys reads the keys of pins, and makes them if state_dir has none yet.
func (s *Server) pinKeys(cfg *Config) (*pin.Keys, error) {
	file := cfg.PinKeyFile
	var text []byte
	var err error
	switch {
	case file != "":
		text, err = deploy.ReadSecret(file)
	case cfg.StateDir == "":
		err = fmt.Errorf(`there is no state_dir to keep the keys in: set pin_key_file`)
	default:
		file = filepath.Join(cfg.StateDir, pinKeyName)
		text, err = deploy.ReadOrMakeSecret(file, func() []byte { return pin.NewKeys().Text() })
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of pins: %w", err)
	}
	keys, err := pin.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("read the keys of pins: %s: %w", file, err)
	}
	s.keys.Store(keys)
	return keys, nil
}
