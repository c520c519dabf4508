package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway"
)

// Config is a configuration that was read and has no faults.
type Config struct {
	Gateway gateway.Config
	Log     logging.Settings
	Fleet   Fleet

	// Files are those that it was read from, the main one first; none for flags.
	Files []string
	// Secrets are the values, as they are written, that nobody is shown: those of
	// credentials, by their keys as in "log.output".
	Secrets map[string]any
}

// Load reads a configuration file. Its error is [*Faults], also for a file that cannot be read.
func Load(file string) (Config, error) {
	text, err := readBounded(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, unreadError{fmt.Errorf("there is no configuration file %s: name one with --config", file)}
	}
	if err != nil {
		return Config{}, unreadError{fmt.Errorf("read the configuration: %w", err)}
	}
	return Parse(file, string(text))
}

// unreadError is a file that is not there or cannot be read.
type unreadError struct{ error }

// IsFault says whether an error means that the configuration cannot be used until
// somebody changes it: that it has faults, or cannot be read.
func IsFault(err error) bool {
	var faults *Faults
	var unread unreadError
	return errors.As(err, &faults) || errors.As(err, &unread)
}

// maxFile is the longest configuration file, in bytes.
const maxFile = 4 << 20

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), maxFile)
	}
	return text, err
}

// Parse reads the text of a file, and the files that it includes. Its error is [*Faults],
// which name the files.
func Parse(file, text string) (Config, error) {
	d := newDocument(file, indexLines(text))
	d.surroundings = &surroundings{getenv: os.LookupEnv}
	d.config.Files = []string{file}
	raw := d.decode(text, d.lines)
	if raw == nil {
		return Config{}, d.faults.err()
	}
	d.include(text, raw)
	d.read(raw)
	return d.config, d.faults.err()
}

// FromFlags reads keys that came from the command line, by the rules of the file and
// with its defaults. raw has them as the toml package decodes a file; flag gives the
// flag of a key, by which a fault names it. The error is [*Faults].
func FromFlags(raw map[string]any, flag func(key string) string) (Config, error) {
	d := newDocument("", nil)
	d.label = func(path []string) string { return flag(path[len(path)-1]) }
	d.read(raw)
	return d.config, d.faults.err()
}

// SiteNames names the sites in the order of the file.
func (c *Config) SiteNames() (names []string) {
	for _, s := range c.Gateway.Sites {
		names = append(names, s.Name)
	}
	return names
}

// SetLogLevel and SetLogFormat take a word that wins over the file's. The error says
// which words there are.
func (c *Config) SetLogLevel(word string) error { return into(&c.Log.Level, logLevel).set(word) }

func (c *Config) SetLogFormat(word string) error { return into(&c.Log.Format, logFormat).set(word) }
