package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// asDaemon makes the test binary realdocd itself, for tests that need a process.
const asDaemon = "REALDOCD_TEST_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		main()
	}
	os.Exit(m.Run())
}

// run runs a command that ends by itself.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(args, &out, &errs, func(string) string { return "" })
	return code, out.String(), errs.String()
}

func TestWrongUseIsExitCode2WithAHint(t *testing.T) {
	for _, tt := range []struct{ args, stderr string }{
		{"", "realdocd: say what to do: canary, check, config, deploy, drain, exec, fleet, flip, maintenance, migrate, pause, preview, reload, resume, rollback, serve, status, version\nTry 'realdocd --help'.\n"},
		{"srve", "realdocd: unknown command \"srve\"; did you mean \"serve\"?\nTry 'realdocd --help'.\n"},
		{"zzzzzzzz", "realdocd: unknown command \"zzzzzzzz\"\nTry 'realdocd --help'.\n"},
		{"statu", "realdocd: unknown command \"statu\"; did you mean \"status\"?\nTry 'realdocd --help'.\n"},
		{"status www shop", "realdocd: status takes SITE, got \"shop\" too\nTry 'realdocd status --help'.\n"},
		{"pause", "realdocd: pause which pool? realdocd status lists them\nTry 'realdocd pause --help'.\n"},
		{"resume", "realdocd: resume which pool? realdocd status lists them\nTry 'realdocd resume --help'.\n"},
		{"pause a b", "realdocd: pause takes one pool, got \"b\" too\nTry 'realdocd pause --help'.\n"},
		{"pause a --timeout 1m", "realdocd: --timeout is for --drain: add it, or leave --timeout out\nTry 'realdocd pause --help'.\n"},
		{"pause a --drain --timeout 0s", "realdocd: --timeout: want a duration above 0s, such as 30s\nTry 'realdocd pause --help'.\n"},
		{"pause a --drian", "realdocd: unknown flag: --drian; did you mean --drain?\nTry 'realdocd pause --help'.\n"},
		{"status --watch 2s", "realdocd: write --watch=2s, with a =\nTry 'realdocd status --help'.\n"},
		{"status --watch=0s", "realdocd: --watch: want a duration of at least 100ms, such as 2s\nTry 'realdocd status --help'.\n"},
		{"status --docroot /a", "realdocd: --docroot is for a site: name it, or leave --docroot out\nTry 'realdocd status --help'.\n"},
		{"flip", "realdocd: flip which site? realdocd status lists them\nTry 'realdocd flip --help'.\n"},
		{"flip shop", "realdocd: flip needs RELEASE too\nTry 'realdocd flip --help'.\n"},
		{"flip shop a b", "realdocd: flip takes SITE and RELEASE, got \"b\" too\nTry 'realdocd flip --help'.\n"},
		{"flip shop a --timeout 1m", "realdocd: --timeout is for --drain: add it, or leave --timeout out\nTry 'realdocd flip --help'.\n"},
		{"rollback shop a", "realdocd: rollback takes SITE, got \"a\" too\nTry 'realdocd rollback --help'.\n"},
		{"drain shop", "realdocd: drain needs RELEASE too\nTry 'realdocd drain --help'.\n"},
		{"drain shop a --timeout 0s", "realdocd: --timeout: want a duration above 0s, such as 30s\nTry 'realdocd drain --help'.\n"},
		{"deploy shop", "realdocd: deploy needs SOURCE_DIR too\nTry 'realdocd deploy --help'.\n"},
		{"exec", "realdocd: exec which site? realdocd status lists them\nTry 'realdocd exec --help'.\n"},
		{"exec -- true", "realdocd: exec which site? realdocd status lists them\nTry 'realdocd exec --help'.\n"},
		{"exec shop", "realdocd: exec needs a command, after --, as in: realdocd exec shop -- php bin/console\nTry 'realdocd exec --help'.\n"},
		{"exec shop php a.php", "realdocd: put -- before the command, as in: realdocd exec shop -- php a.php\nTry 'realdocd exec --help'.\n"},
		{"exec shop php -v", "realdocd: unknown shorthand flag: 'v' in -v; if it is the command's, put -- before that, as in: realdocd exec shop -- php …\nTry 'realdocd exec --help'.\n"},
		{"exec shop php bin/console --env=prod", "realdocd: unknown flag: --env; if it is the command's, put -- before that, as in: realdocd exec shop -- php bin/console …\nTry 'realdocd exec --help'.\n"},
		{"exec --usr x shop", "realdocd: unknown flag: --usr; did you mean --user?\nTry 'realdocd exec --help'.\n"},
		{"migrate", "realdocd: migrate what? name Apache's configuration, as in: realdocd migrate /etc/apache2 /etc/php/5.6/apache2/php.ini\nTry 'realdocd migrate --help'.\n"},
		{"--confg x", "realdocd: unknown flag: --confg\nTry 'realdocd --help'.\n"},
		{"check --confg x", "realdocd: unknown flag: --confg; did you mean --config?\nTry 'realdocd check --help'.\n"},
		{"check -x", "realdocd: unknown shorthand flag: 'x' in -x\nTry 'realdocd check --help'.\n"},
		{"check --config", "realdocd: flag needs an argument: --config\nTry 'realdocd check --help'.\n"},
		{"check realdocd.toml", "realdocd: check takes no arguments, got \"realdocd.toml\"\nTry 'realdocd check --help'.\n"},
		{"serve --config a.toml --fpm /b", "realdocd: --config and --fpm do not go together: put it into the file\nTry 'realdocd serve --help'.\n"},
		{"serve --docroot /a", "realdocd: --fpm is missing: name PHP-FPM's listener, as in --fpm /run/php/php8.2-fpm.sock\nTry 'realdocd serve --help'.\n"},
		{"serve --fpm /a", "realdocd: --docroot is missing: name a document root, as in --docroot '/var/www/*/current/public'\nTry 'realdocd serve --help'.\n"},
		{"serve --fpm /a --docroot b --listen :1", "realdocd: --docroot: want an absolute path, not \"b\"\n" +
			"realdocd: --listen: \":1\" is open to the network: say who may connect with --allowed-clients, for example \"127.0.0.1\"\n" +
			"Try 'realdocd serve --help'.\n"},
		{"serve --fpm /a --docroot /b --log-level loud", "realdocd: --log-level: want \"debug\", \"info\", \"warn\" or \"error\", not \"loud\"\nTry 'realdocd serve --help'.\n"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			code, stdout, stderr := run(t, strings.Fields(tt.args)...)
			if code != exitUsage || stdout != "" || stderr != tt.stderr {
				t.Errorf("exit code %d, stdout %q, stderr\n%s\nwant 2 and\n%s", code, stdout, stderr, tt.stderr)
			}
		})
	}
}

func TestHelpIsOnStdoutAndNamesEachCommand(t *testing.T) {
	for _, args := range []string{"--help", "help", "-h"} {
		code, stdout, stderr := run(t, args)
		if code != exitDone || stderr != "" {
			t.Errorf("%s: exit code %d, stderr %q", args, code, stderr)
		}
		for _, want := range []string{"\n  serve ", "\n  check ", "\n  status ", "\n  pause ", "\n  resume ", "\n  version ", "Examples:"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: %q is not in\n%s", args, want, stdout)
			}
		}
	}
}

func TestEachCommandHasHelp(t *testing.T) {
	for command, want := range map[string]string{
		"serve":    "--docroot '/var/www/*/current/public'",
		"check":    "realdocd check --json",
		"status":   "realdocd status --watch",
		"pause":    "realdocd pause www --drain && systemctl restart php8.2-fpm && realdocd resume www",
		"resume":   "realdocd resume www",
		"version":  "--json",
		"flip":     "realdocd flip shop /var/www/shop/releases/43",
		"rollback": "realdocd rollback shop --no-warm --drain",
		"drain":    "realdocd drain shop 42",
		"deploy":   "realdocd deploy shop ./build",
		"migrate":  "realdocd migrate /etc/apache2 /etc/php/5.6/apache2/php.ini > realdocd.toml",
		"exec":     "realdocd exec shop -- php bin/console",
	} {
		code, stdout, stderr := run(t, command, "--help")
		if code != exitDone || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s", command, code, stderr, stdout)
		}
	}
}

func TestVersionSaysWhichBuildThisIs(t *testing.T) {
	version, commit = "1.2.3", "abcdef0"
	t.Cleanup(func() { version, commit = "", "" })
	want := "realdocd 1.2.3 (commit abcdef0) " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	for _, args := range []string{"version", "--version"} {
		if code, stdout, _ := run(t, args); code != exitDone || stdout != want {
			t.Errorf("%s: exit code %d, stdout %q, want %q", args, code, stdout, want)
		}
	}
	_, stdout, _ := run(t, "version", "--json")
	var got build
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if want := (build{"1.2.3", "abcdef0", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestVersionOfABuildWithoutFlagsIsWhatGoNoted(t *testing.T) {
	git := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "vcs", Value: "git"},
			{Key: "vcs.revision", Value: "b1deab8d4cdc0123456789abcdef0123456789ab"},
			{Key: "vcs.modified", Value: modified},
		}
	}
	for _, row := range []struct {
		noted           debug.BuildInfo
		version, commit string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: git("false")}, "v1.2.3", "b1deab8d4cdc"},
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3+dirty"}, Settings: git("true")}, "v1.2.3+dirty", "b1deab8d4cdc-dirty"},
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", "unknown"},
		{debug.BuildInfo{}, "(devel)", "unknown"},
	} {
		if b := buildFrom("", "", &row.noted); b.Version != row.version || b.Commit != row.commit {
			t.Errorf("%+v: got %+v, want version %s and commit %s", row.noted, b, row.version, row.commit)
		}
	}
}

func TestServeWithABadFileSaysAllFaultsOnceAndExits78(t *testing.T) {
	file := writeConfig(t, "lisen = []\n"+minimal+"pol = 'www'\n")
	code, stdout, stderr := run(t, "serve", "--config", file)
	want := "realdocd: " + file + ":1: unknown key \"lisen\"; did you mean \"listen\"?\n" +
		"realdocd: " + file + ":7: unknown key \"pol\" in [site.shop]; did you mean \"pool\"?\n"
	if code != exitConfig || stdout != "" || stderr != want {
		t.Errorf("exit code %d, stdout %q, stderr\n%s\nwant 78 and\n%s", code, stdout, stderr, want)
	}
}

func TestAFileThatIsNotThereIsAFaultOfTheConfiguration(t *testing.T) {
	for _, verb := range []string{"serve", "reload", "status"} {
		code, _, stderr := run(t, verb, "--config", "/nonexistent/realdocd.toml")
		if want := "realdocd: there is no configuration file /nonexistent/realdocd.toml: name one with --config\n"; code != exitConfig || stderr != want {
			t.Errorf("%s: exit code %d, stderr %q, want 78 and %q", verb, code, stderr, want)
		}
	}
}
