package conf

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesInStringsAreReplaced(t *testing.T) {
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "host"), []byte("db.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	t.Setenv("ROOT", "/srv")
	t.Setenv("EMPTY", "")
	for text, want := range map[string]string{
		`"/a"`:                         "/a",
		`"${ROOT}/x"`:                  "/srv/x",
		`"/${EMPTY}a${ROOT}${ROOT}"`:   "/a/srv/srv",
		`"/$ROOT"`:                     "/$ROOT",
		`"/a$"`:                        "/a$",
		`"/$${ROOT}"`:                  "/${ROOT}",
		`"/$$$$"`:                      "/$$",
		`"/${credential:host}"`:        "/db.example",
		`"${ROOT}/${credential:host}"`: "/srv/db.example",
	} {
		c, err := Parse("r.toml", "spool_dir = "+text+"\n"+minimal)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if c.Gateway.SpoolDir != want {
			t.Errorf("%s became %q, want %q", text, c.Gateway.SpoolDir, want)
		}
	}
	for text, want := range map[string]string{
		`"${NONE}"`:            "r.toml:1: spool_dir: ${NONE} is not in the environment: set it for realdocd serve and for the commands alike; write $${ for ${ itself",
		`"${ROOT"`:             `r.toml:1: spool_dir: "${ROOT" has ${ without a name and }: write $${ for these two characters`,
		`"${}"`:                `r.toml:1: spool_dir: "${}" has ${ without a name and }: write $${ for these two characters`,
		`"${a-b}"`:             "r.toml:1: spool_dir: ${a-b}: want the name of an environment variable, or credential:NAME; write $${ for ${ itself",
		`"${credential:../x}"`: "r.toml:1: spool_dir: ${credential:../x}: want the name of a credential, as in LoadCredential= of the unit",
		`"${credential:none}"`: "r.toml:1: spool_dir: ${credential:none}: open " + credentials + "/none: no such file or directory; see LoadCredential= of the unit",
	} {
		if _, err := Parse("r.toml", "spool_dir = "+text+"\n"+minimal); err == nil || err.Error() != want {
			t.Errorf("%s: got\n%v\nwant\n%s", text, err, want)
		}
	}
}

func TestNamesInListsAreReplaced(t *testing.T) {
	t.Setenv("SOCKET", "/run/a.sock")
	c, err := Parse("r.toml", "listen = ['${SOCKET}', '/b']\n"+minimal)
	if err != nil || c.Gateway.Listen[0] != "/run/a.sock" || c.Gateway.Listen[1] != "/b" {
		t.Errorf("%v, %v", c.Gateway.Listen, err)
	}
}

// A shell replaces them in its own way, with what it knows of the release.
func TestCommandsOfAShellAreLeftToIt(t *testing.T) {
	c, err := Parse("r.toml", minimal+"before_flip = ['echo ${REALDOC_RELEASE} $$']\nafter_flip = ['echo $${X}']")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Gateway.Sites[0].BeforeFlip[0], c.Gateway.Sites[0].AfterFlip[0]}
	if diff := cmp.Diff([]string{"echo ${REALDOC_RELEASE} $$", "echo $${X}"}, got); diff != "" {
		t.Error(diff)
	}
}

// A deployer may not read the daemon's secrets, and does not need them.
func TestACommandGoesOnWithoutTheDaemonsCredentials(t *testing.T) {
	os.Unsetenv("CREDENTIALS_DIRECTORY")
	if _, err := os.Stat(filepath.Join(systemdCredentials, serviceUnit)); err == nil {
		t.Skip("realdocd runs on this machine")
	}
	c, err := Parse("r.toml", "metrics = '${credential:metrics}'\n"+minimal)
	if err != nil || c.Gateway.Metrics != "" {
		t.Errorf("metrics %q, %v", c.Gateway.Metrics, err)
	}
	if top := c.Told().Tables[0]; top.Keys["metrics"] != "${credential:metrics}" || slices.Contains(top.Defaults, "metrics") {
		t.Errorf("metrics is told as %q, defaults %q", top.Keys["metrics"], top.Defaults)
	}
	if _, err := Parse("r.toml", minimal+"pool = '${credential:pool}'"); err == nil {
		t.Error("a site without its pool was taken")
	}
}

func TestFlagsAreNotReplaced(t *testing.T) {
	c, err := FromFlags(map[string]any{
		"spool_dir": "/${X}",
		"pool":      map[string]any{"www": map[string]any{"server": []any{"/a"}}},
		"site":      map[string]any{"a": map[string]any{"docroot": "/$$"}},
	}, func(key string) string { return key })
	if err != nil || c.Gateway.SpoolDir != "/${X}" || c.Gateway.Sites[0].Docroot != "/$$" {
		t.Errorf("%+v, %v", c.Gateway, err)
	}
}

// The daemon and the agent of a fleet read one file, and each has credentials of its own unit.
func TestACredentialIsForOneUnit(t *testing.T) {
	const fleet = "[fleet]\netcd = ['https://a']\nuser = 'u'\npassword = '${credential:etcd}'\n"
	unit := func(name string, credentials ...string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, credential := range credentials {
			if err := os.WriteFile(filepath.Join(dir, credential), []byte("of "+name+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("CREDENTIALS_DIRECTORY", dir)
	}
	unit(serviceUnit)
	c, err := Parse("r.toml", minimal+fleet)
	if err != nil || !c.Gateway.Fleet.On {
		t.Fatalf("the daemon does not start without the agent's credential: %v", err)
	}
	if password, err := c.FleetPassword(); password != "" || err == nil {
		t.Errorf("the password is %q, %v", password, err)
	}
	if told := c.Told().Tables[1].Keys["password"]; told != "${credential:etcd}" {
		t.Errorf("the password is told as %q", told)
	}
	unit(agentUnit, "etcd")
	c, err = Parse("r.toml", "metrics = '${credential:metrics}'\n"+minimal+fleet)
	if err != nil {
		t.Fatalf("the agent does not start without a credential of the daemon's: %v", err)
	}
	if password, err := c.FleetPassword(); password != "of "+agentUnit || err != nil {
		t.Errorf("the password is %q, %v", password, err)
	}
	unit(serviceUnit)
	if _, err := Parse("r.toml", "metrics = '${credential:metrics}'\n"+minimal); err == nil {
		t.Error("a daemon without a credential of its own was started")
	}
}

func TestTheHostOfAFleetHasTheNameOfTheMachine(t *testing.T) {
	name, err := (&Fleet{}).HostName()
	if machine, _ := os.Hostname(); err == nil && name != machine {
		t.Errorf("got %q, want %q", name, machine)
	}
	if name, err := (&Fleet{Host: "www1"}).HostName(); err != nil || name != "www1" {
		t.Errorf("got %q, %v", name, err)
	}
}
