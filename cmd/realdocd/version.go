package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version and commit are set by the build: -ldflags "-X main.version=… -X main.commit=…".
var version, commit string

type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which realdocd this is",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(readBuild())
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), readBuild())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func (b build) String() string {
	return fmt.Sprintf("realdocd %s (commit %s) %s %s", b.Version, b.Commit, b.Go, b.Platform)
}

// readBuild falls back on what go build itself noted, for a build without -ldflags.
func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildFrom(version, commit, info)
}

func buildFrom(version, commit string, info *debug.BuildInfo) build {
	if version == "" {
		version = info.Main.Version
	}
	if version == "" {
		version = "(devel)"
	}
	if commit == "" {
		commit = commitOf(info)
	}
	return build{version, commit, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// commitOf is the commit as the Makefile writes it: 12 digits, and whether the files
// were others than the commit's.
func commitOf(info *debug.BuildInfo) string {
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	commit := noted["vcs.revision"]
	if commit == "" {
		return "unknown"
	}
	commit = commit[:min(len(commit), 12)]
	if noted["vcs.modified"] == "true" {
		commit += "-dirty"
	}
	return commit
}
