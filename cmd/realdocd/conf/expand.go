package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/BurntSushi/toml"
)

// surroundings are where the names in ${…} have their values.
type surroundings struct {
	getenv func(name string) (string, bool)
	// agents says that the value is for the agent of a fleet, which has credentials of its own.
	agents bool
}

// expand replaces ${NAME} and ${credential:NAME} in the strings of a value, and $$ by $. It is
// false if the value cannot be told; then that is noted, or it is a credential that is not
// for who reads.
func (d *document) expand(at []string, k key, v any) (any, bool) {
	if d.surroundings == nil || k.isTable() || k.shell {
		return v, true
	}
	secret, around := false, *d.surroundings
	around.agents = at[0] == "fleet"
	got, err := around.replaceIn(v, &secret)
	if secret {
		if d.config.Secrets == nil {
			d.config.Secrets = map[string]any{}
		}
		d.config.Secrets[toml.Key(at).String()] = v
	}
	if errors.Is(err, errNotForUs) && len(at) < 3 {
		d.excuse(at)
		return nil, false
	}
	if err != nil {
		d.fault(at, "%v", err)
		return nil, false
	}
	return got, true
}

// expanded is a text with its names replaced, as far as that goes.
func (d *document) expanded(text string) (string, bool) {
	if d.surroundings == nil {
		return text, true
	}
	got, err := d.surroundings.replace(text, new(bool))
	return got, err == nil
}

func (s *surroundings) replaceIn(v any, secret *bool) (any, error) {
	switch v := v.(type) {
	case string:
		return s.replace(v, secret)
	case []any:
		list := make([]any, len(v))
		var wrong []error
		for i, item := range v {
			got, err := s.replaceIn(item, secret)
			list[i], wrong = got, append(wrong, err)
		}
		return list, errors.Join(wrong...)
	}
	return v, nil
}

func (s *surroundings) replace(text string, secret *bool) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		switch {
		case !found:
			return out.String(), nil
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
			continue
		case !strings.HasPrefix(rest, "{"):
			out.WriteByte('$')
			text = rest
			continue
		}
		name, behind, closed := strings.Cut(rest[1:], "}")
		if !closed || name == "" {
			return "", fmt.Errorf(`%q has ${ without a name and }: write $${ for these two characters`, text)
		}
		value, err := s.value(name, secret)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = behind
	}
}

// value is what a name in ${…} stands for.
func (s *surroundings) value(name string, secret *bool) (string, error) {
	if credential, ok := strings.CutPrefix(name, "credential:"); ok {
		*secret = true
		return s.credential(credential)
	}
	if strings.ContainsFunc(name, notInParamName) {
		return "", fmt.Errorf("${%s}: want the name of an environment variable, or credential:NAME; write $${ for ${ itself", name)
	}
	value, ok := s.getenv(name)
	if !ok {
		return "", fmt.Errorf("${%s} is not in the environment: set it for realdocd serve and for the commands alike; write $${ for ${ itself", name)
	}
	return value, nil
}

// errNotForUs is a credential of another process, which who reads may not read.
var errNotForUs = errors.New("the credential is another process's")

// systemdCredentials is where systemd has the credentials of its units; serviceUnit is that of
// the daemon, agentUnit that of the fleet's agent.
const (
	systemdCredentials = "/run/credentials"
	serviceUnit        = "realdocd.service"
	agentUnit          = "realdocd-fleet.service"
)

// maxCredential is the longest credential, in bytes.
const maxCredential = 64 << 10

// credential reads a credential of systemd's, without the end of its last line. One of the
// unit that runs us has to be there. The commands run in none, and look at those of the process
// that the value is for.
func (s *surroundings) credential(name string) (string, error) {
	if name == "" || path.Base(name) != name || name == ".." || name == "." {
		return "", fmt.Errorf("${credential:%s}: want the name of a credential, as in LoadCredential= of the unit", name)
	}
	owner := path.Join(systemdCredentials, serviceUnit)
	if s.agents {
		owner = path.Join(systemdCredentials, agentUnit)
	}
	own, inUnit := s.getenv("CREDENTIALS_DIRECTORY")
	if !inUnit {
		return readCredential(owner, name, true)
	}
	text, err := readCredential(own, name, false)
	if errors.Is(err, fs.ErrNotExist) && (s.agents || path.Base(own) == agentUnit) {
		return readCredential(owner, name, true)
	}
	return text, err
}

// readCredential reads a credential from a directory of systemd's. In that of another process
// it need not be readable, and the unit need not run.
func readCredential(dir, name string, others bool) (string, error) {
	file := path.Join(dir, name)
	text, err := readBounded(file)
	switch {
	case errors.Is(err, fs.ErrPermission) && others:
		return "", errNotForUs
	case errors.Is(err, fs.ErrNotExist) && others:
		if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
			return "", errNotForUs // the unit does not run, or realdocd is not run by systemd
		}
	}
	if err != nil {
		return "", fmt.Errorf("${credential:%s}: %w; see LoadCredential= of the unit", name, err)
	}
	if len(text) > maxCredential {
		return "", fmt.Errorf("${credential:%s}: %s has more than %d bytes", name, file, maxCredential)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}
