package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"realdocd/deploy/fleet"
)

// pushesAtOnce is how many hosts are pushed to at the same time.
const pushesAtOnce = 8

// pushAll has the command of [fleet] push bring a release to each host, some at a time.
func (g *goFleet) pushAll(ctx context.Context, f fleet.Flip, source string, hosts []string) (failed []fleet.Wrong, err error) {
	p := &fleetProgress{steps: g.steps}
	var wait sync.WaitGroup
	var mu sync.Mutex // guards failed, done and p
	done := 0
	free := make(chan struct{}, pushesAtOnce)
	for _, host := range hosts {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			err := g.push(ctx, f, source, host)
			mu.Lock()
			defer mu.Unlock()
			done++
			why := ""
			if err != nil {
				why = err.Error()
				failed = append(failed, fleet.Wrong{Host: host, Why: why})
			}
			p.tell(fleet.Progress{Phase: "bring", Done: done, All: len(hosts), Answer: &fleet.Answer{Host: host, Why: why}})
		})
	}
	wait.Wait()
	p.line.clear()
	slices.SortFunc(failed, func(a, b fleet.Wrong) int { return strings.Compare(a.Host, b.Host) })
	return failed, ctx.Err()
}

// push has one host make a directory, the command fill it, and the host look at the content and give it its name.
func (g *goFleet) push(ctx context.Context, f fleet.Flip, source, host string) error {
	ask := fleet.Ask{Kind: fleet.AskTake, Site: f.Site, Release: f.Release, Hash: f.Hash, Only: []string{host}}
	asking, err := g.Open(ctx, ask)
	if err != nil {
		return err
	}
	defer asking.Close()
	var answer fleet.Answer
	var target struct {
		Target string `json:"target"`
	}
	err = asking.Wait(ctx, func(answers map[string]fleet.Answer, final bool) bool {
		answer = answers[host]
		return final || answer.Data != ""
	})
	if err != nil {
		return err
	}
	if answer.Data != "" {
		err = json.Unmarshal([]byte(answer.Data), &target)
	}
	if err != nil || target.Target == "" {
		return errors.Join(err, refusedBy(answer, "it has made no directory for the release"))
	}
	h := hook{command: g.config.Fleet.Push, dir: source, limit: fetchTimeout, env: append(ownEnvironment(source),
		"REALDOC_SITE="+f.Site, "REALDOC_RELEASE="+f.Release, "REALDOC_HASH="+f.Hash, "REALDOC_HOST="+host,
		"REALDOC_SOURCE="+source, "REALDOC_TARGET="+target.Target)}
	if err := h.run(ctx); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	if err := asking.Update(ctx, ""); err != nil {
		return err
	}
	err = asking.Wait(ctx, func(answers map[string]fleet.Answer, final bool) bool {
		answer = answers[host]
		return final
	})
	if err == nil && !answer.OK {
		err = refusedBy(answer, "it has not taken the release")
	}
	return err
}

// refusedBy is what a host says is wrong.
func refusedBy(a fleet.Answer, otherwise string) error {
	if a.Why != "" {
		return errors.New(a.Why)
	}
	return errors.New(otherwise)
}
