package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// fleetOptions say which fleet is meant.
type fleetOptions struct {
	file   string
	asJSON bool
}

func (o *fleetOptions) flags(cmd *cobra.Command, json string) {
	cmd.Flags().StringVar(&o.file, "config", defaultConfigFile, "configuration `FILE`, which says in [fleet] where etcd is")
	if json != "" {
		cmd.Flags().BoolVar(&o.asJSON, "json", false, json)
	}
}

// A fleetCommander is what commands ask a fleet by.
type fleetCommander struct {
	*fleet.Commander
	config conf.Config
	// where names the store and the group.
	where string
}

// open reads the file, and connects to the store once something is asked. close ends that.
func (o *fleetOptions) open() (c *fleetCommander, close func(), err error) {
	config, err := conf.Load(o.file)
	if err != nil {
		return nil, nil, err
	}
	if !config.Fleet.Configured() {
		return nil, nil, fmt.Errorf(`%s: there is no fleet: say where etcd is, as in [fleet] etcd = ["https://10.0.0.1:2379"]`, o.file)
	}
	store, err := openStore(&config)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", o.file, err)
	}
	host, err := config.Fleet.HostName()
	if err != nil {
		store.Close()
		return nil, nil, fmt.Errorf("%s: %w", o.file, err)
	}
	return &fleetCommander{
		Commander: &fleet.Commander{
			Store: store, Keys: fleet.NewKeys(config.Fleet.Prefix, config.Fleet.Group),
			By: operator() + "@" + host, Host: host,
		},
		config: config,
		where:  fmt.Sprintf("group %s, etcd %s", config.Fleet.Group, strings.Join(config.Fleet.Etcd, " ")),
	}, func() { store.Close() }, nil
}

// with does the work with an open store, and says of a store that is away since when.
func (o *fleetOptions) with(work func(ctx context.Context, c *fleetCommander) error) error {
	ctx, stop := interruptible()
	defer stop()
	c, close, err := o.open()
	if err != nil {
		return err
	}
	defer close()
	return c.sinceWhen(work(ctx, c))
}

// sinceWhen adds to the error of a store that is away what this host's daemon knows of that.
func (c *fleetCommander) sinceWhen(err error) error {
	if err == nil || !fleet.IsAway(err) {
		return err
	}
	status, ok := c.standing()
	switch {
	case !ok || status.Told.IsZero():
		return fmt.Errorf("%w\nall hosts serve what they have; flips wait until it is back", err)
	case status.StoreError == "":
		return fmt.Errorf("%w\nthe agent of this host had an answer still at %s; all hosts serve what they have", err, timeCell(status.Told))
	}
	return fmt.Errorf("%w\nthe agent of this host has had no answer since %s (%s ago); all hosts serve what they have, and flips wait until etcd is back",
		err, timeCell(status.StoreSince), control.Age(time.Since(status.StoreSince)))
}

// standing is what the daemon of this host was told by the agent.
func (c *fleetCommander) standing() (control.FleetStatus, bool) {
	if c.config.Gateway.Control == "" {
		return control.FleetStatus{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	st, err := control.NewClient(c.config.Gateway.Control, c.config.Gateway.User).Status(ctx)
	if err != nil || st.Fleet == nil {
		return control.FleetStatus{}, false
	}
	return *st.Fleet, true
}

// releaseArgument wants the name of a release: each host has it in a directory of its own.
func releaseArgument(cmd *cobra.Command, args []string) error {
	if err := siteArguments("RELEASE")(cmd, args); err != nil {
		return err
	}
	if strings.Contains(args[1], "/") {
		return fmt.Errorf("RELEASE is a name here, such as 43, and not %q: each host has it in a directory of its own", args[1])
	}
	return nil
}

// completeFleet proposes sites, then releases, as hosts have them.
func (o *fleetOptions) completeFleet(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	site := ""
	if len(args) == 1 {
		site = args[0]
	}
	// An error cannot be shown here: the shell proposes nothing then.
	_ = o.with(func(ctx context.Context, c *fleetCommander) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		view, err := c.View(ctx, site)
		for _, s := range view.Sites {
			if len(args) == 0 {
				names = append(names, s.Site)
				continue
			}
			for _, h := range s.Hosts {
				for _, r := range h.Releases {
					names = append(names, r.Name)
				}
			}
		}
		return err
	})
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

func (o *fleetOptions) completeFleetSite(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return o.completeFleet(cmd, args, word)
}

func (o *fleetOptions) completeHost(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		_ = o.with(func(ctx context.Context, c *fleetCommander) error { // as above
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			view, err := c.View(ctx, "")
			for _, h := range view.Hosts {
				names = append(names, h.Host)
			}
			return err
		})
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// byWhat groups hosts that say the same.
func byWhat(wrongs []fleet.Wrong) (texts []string) {
	hosts := map[string][]string{}
	var order []string
	for _, w := range wrongs {
		if hosts[w.Why] == nil {
			order = append(order, w.Why)
		}
		hosts[w.Why] = append(hosts[w.Why], w.Host)
	}
	for _, why := range order {
		texts = append(texts, someHosts(hosts[why])+": "+why)
	}
	return texts
}

// someHosts names hosts, the first few of many.
func someHosts(hosts []string) string {
	if more := len(hosts) - 4; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:4], ", "), more)
	}
	return strings.Join(hosts, ", ")
}
