package control

import (
	"fmt"
	"time"
)

// A Course is where a trial stands in the steps of its plan, for whoever judges it: the daemon, or
// a command that sees many.
type Course struct {
	plan *Plan
	step int       // the index of the one that goes on
	ends time.Time // when it has taken as long as it should
	had  uint64    // requests of the release at the end of the step before
}

// A Turn is what a trial comes to when its figures are looked at and are not worse.
type Turn int

// The turns: the step goes on, the next one begins, the release is good, or it has had too few
// requests to be judged by.
const (
	GoesOn Turn = iota
	NextStep
	IsGood
	TooFew
)

// fewTimes is how many times as long as it should take a step waits for enough requests.
const fewTimes = 10

// NewCourse begins one at a step.
func NewCourse(p *Plan, step int, now time.Time) *Course {
	return &Course{plan: p, step: step, ends: now.Add(p.Every)}
}

// Step is the index of the step that goes on, and Ends when it has taken as long as it should.
func (c *Course) Step() int       { return c.step }
func (c *Course) Ends() time.Time { return c.ends }

// Turn says what the trial comes to now, with so many requests of the release. If that is
// NextStep, the next one has begun.
func (c *Course) Turn(now time.Time, requests uint64) Turn {
	few := requests-c.had < uint64(c.plan.Least)
	switch {
	case now.Before(c.ends):
		return GoesOn
	case c.plan.Kind == KindBake:
		return IsGood
	case few && now.Before(c.ends.Add((fewTimes-1)*c.plan.Every)):
		return GoesOn
	case few:
		return TooFew
	case c.step+1 < len(c.plan.Steps):
		c.step, c.ends, c.had = c.step+1, now.Add(c.plan.Every), requests
		return NextStep
	}
	return IsGood
}

// Few says what is too few.
func (c *Course) Few(requests uint64) string {
	return fmt.Sprintf("the release has had %d requests within %s, which are too few to judge it by (%d)", requests-c.had, fewTimes*c.plan.Every, c.plan.Least)
}
