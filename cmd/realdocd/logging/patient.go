package logging

import (
	"errors"
	"sync"
	"time"
)

// outPatience is how long the daemon waits for an output that takes nothing, such as a
// pipe that nobody reads, before it ends, or goes on without it.
const outPatience = 2 * time.Second

var errHangs = errors.New("the output takes nothing: see what reads it")

// A patientMutex is a mutex for which somebody waits only so long. The zero one is ready.
type patientMutex struct {
	once sync.Once
	free chan struct{} // has one while nobody holds it
}

func (m *patientMutex) init() {
	m.once.Do(func() {
		m.free = make(chan struct{}, 1)
		m.free <- struct{}{}
	})
}

// lock returns false if the mutex was not to be had in time.
func (m *patientMutex) lock(patience time.Duration) bool {
	m.init()
	select {
	case <-m.free:
		return true
	default:
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-m.free:
		return true
	case <-late.C:
		return false
	}
}

func (m *patientMutex) unlock() { m.free <- struct{}{} }
