package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/doctor"
	"realdocd/cmd/realdocd/logging"
	"realdocd/gateway/control"
)

// checkTimeout bounds the whole examination. Most of it is reading the code of
// the releases.
const checkTimeout = time.Minute

// A report is what check says, as JSON. realdocd-check(8) documents it.
type report struct {
	Findings []doctor.Finding `json:"findings"`
	Counts   doctor.Counts    `json:"counts"`
	Pools    int              `json:"pools"`
	Sites    int              `json:"sites"`
	Summary  string           `json:"summary"`

	faulty bool // the configuration has faults
}

func newCheck() *cobra.Command {
	var file string
	var asJSON, verbose, configOnly bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Examine the configuration, the sites, PHP-FPM and the web server",
		Long: `check reads the configuration and names all of its faults, and then examines the
running system: the links and the code of the live releases, each PHP-FPM, and
what the web server really sends. It says what is wrong and what to do, changes
nothing, and is silent when all is well. It exits with 0 then, and when there
are warnings only; with 1 when there is a fault, and with 78 when it is in the
configuration. realdocd-check(8) explains each finding.

With --config-only it reads the configuration and nothing else: it asks no daemon
and no PHP-FPM, and needs no rights. That is for CI, and for Ansible's validate.`,
		Example: `  realdocd check --config ./realdocd.toml
  realdocd check --config-only --config ./realdocd.toml
  realdocd check --verbose
  realdocd check --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible()
			defer stop()
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			r := check(ctx, file, configOnly)
			if err := ctx.Err(); errors.Is(err, context.Canceled) {
				return fmt.Errorf("interrupted: %w", err)
			}
			return r.answer(cmd.OutOrStdout(), asJSON, verbose)
		},
	}
	cmd.Flags().StringVar(&file, "config", defaultConfigFile, "configuration `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.Flags().BoolVar(&configOnly, "config-only", false, "read the configuration, and look at nothing else")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "show what is well, and what could not be told, too")
	return cmd
}

func check(ctx context.Context, file string, configOnly bool) report {
	c, err := conf.Load(file)
	if err != nil {
		r := report{Findings: configFaults(file, err), faulty: true}
		r.Counts = doctor.Count(r.Findings)
		r.Summary = control.Count(r.Counts.Faults, "fault") + " in the configuration; nothing else was checked"
		return r
	}
	r := report{Pools: len(c.Gateway.Pools), Sites: len(c.Gateway.Sites)}
	if !configOnly {
		r.Findings = doctor.Examine(ctx, c.Gateway, surroundingsOf(file, c))
	}
	r.Counts = doctor.Count(r.Findings)
	r.Summary = fmt.Sprintf("%s in %s and %s", r.worst(), control.Count(r.Pools, "pool"), control.Count(r.Sites, "site"))
	if doctor.HasNoDaemon(r.Findings) {
		r.Summary += "; realdocd does not run, so what it sees was left out"
	}
	if !configOnly && ctx.Err() == nil {
		r.tell(ctx, c)
	}
	return r
}

// tell tells the daemon, whose page shows it. That it does not run, or does not let us, is no
// matter of the check.
func (r report) tell(ctx context.Context, c conf.Config) {
	if c.Gateway.Control == "" || doctor.HasNoDaemon(r.Findings) {
		return
	}
	found := control.Checked{Time: time.Now(), Summary: r.Summary, Findings: []control.CheckedFault{}}
	for _, severity := range []doctor.Severity{doctor.Fault, doctor.Warning} {
		for _, f := range r.Findings {
			if f.Severity == severity {
				found.Findings = append(found.Findings, control.CheckedFault{
					ID: f.ID, Severity: string(severity), Site: f.Subject.Site, Text: f.About() + ": " + f.What, Do: f.Do,
				})
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_ = control.NewClient(c.Gateway.Control, c.Gateway.User).TellChecked(ctx, found)
}

// surroundingsOf are what the doctor is told beside the gateway's configuration.
func surroundingsOf(file string, c conf.Config) doctor.Surroundings {
	at := doctor.Surroundings{ConfigFile: file}
	_, secret := c.Secrets["fleet.password"] // one that only the agent may read
	at.Store = doctor.Store{URLs: c.Fleet.Etcd, Password: secret || c.Fleet.Password != ""}
	if c.Log.Output != logging.ToStderr {
		at.LogFile = c.Log.Output
	}
	return at
}

// worst says how many faults and warnings there are.
func (r report) worst() string {
	switch faults, warnings := control.Count(r.Counts.Faults, "fault"), control.Count(r.Counts.Warnings, "warning"); {
	case r.Counts.Faults == 0 && r.Counts.Warnings == 0:
		return "no faults"
	case r.Counts.Faults == 0:
		return warnings
	case r.Counts.Warnings == 0:
		return faults
	default:
		return faults + ", " + warnings
	}
}

func configFaults(file string, err error) []doctor.Finding {
	var all *conf.Faults
	if !errors.As(err, &all) {
		return []doctor.Finding{doctor.ConfigFault(file, 0, err.Error())}
	}
	var findings []doctor.Finding
	for _, f := range all.List {
		findings = append(findings, doctor.ConfigFault(f.File, f.Line, f.Text))
	}
	return findings
}

// answer writes the report. It is errNo if there is a fault, and errConfig if that is in
// the configuration.
func (r report) answer(w io.Writer, asJSON, verbose bool) error {
	if !verbose {
		r.Findings = grave(r.Findings)
	}
	var err error
	if asJSON {
		err = json.NewEncoder(w).Encode(r)
	} else {
		err = r.write(w, verbose || isTerminal(w))
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	switch {
	case r.faulty:
		return errConfig
	case r.Counts.Faults > 0:
		return errNo
	}
	return nil
}

// grave are the faults and the warnings. They are [] in JSON if there are none.
func grave(all []doctor.Finding) []doctor.Finding {
	some := []doctor.Finding{}
	for _, f := range all {
		if f.Severity == doctor.Fault || f.Severity == doctor.Warning {
			some = append(some, f)
		}
	}
	return some
}

// write writes the findings for people, the gravest first. It adds a summary if there
// is anything to sum up, or if somebody waits for an answer.
func (r report) write(w io.Writer, awaited bool) error {
	for _, severity := range []doctor.Severity{doctor.Fault, doctor.Warning, doctor.Note, doctor.OK} {
		for _, f := range r.Findings {
			if f.Severity != severity {
				continue
			}
			if _, err := fmt.Fprintf(w, "%-8s%s: %s\n        %s\n", f.Severity, f.ID, f.About(), f.What); err != nil {
				return err
			}
			if f.Do == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "        %s\n", f.Do); err != nil {
				return err
			}
		}
	}
	if len(r.Findings) == 0 && !awaited {
		return nil
	}
	_, err := fmt.Fprintln(w, r.Summary)
	return err
}
