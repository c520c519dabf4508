package stack

import (
	"errors"
	"fmt"
)

// Run gives a stack to a program that is not a test. What would end a test ends do and becomes the error of
// Run: do must not use the stack in another goroutine. Nothing is left behind when Run returns.
func Run(do func(s *Stack) error) (err error) {
	t := &outsider{}
	s, err := newStack(t)
	if err != nil {
		return err
	}
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case failure:
			err = cause.error
		default:
			s.Close()
			panic(cause)
		}
		for _, end := range t.ends {
			end()
		}
		err = errors.Join(err, s.Close())
	}()
	return do(s)
}

// outsider is the TB of a program that is not a test.
type outsider struct{ ends []func() }

// failure is what ends do.
type failure struct{ error }

func (t *outsider) Helper()                        {}
func (t *outsider) Failed() bool                   { return false }
func (t *outsider) Logf(string, ...any)            {}
func (t *outsider) Cleanup(end func())             { t.ends = append(t.ends, end) }
func (t *outsider) Errorf(text string, arg ...any) { t.Fatalf(text, arg...) }
func (t *outsider) Skipf(text string, arg ...any)  { t.Fatalf(text, arg...) }
func (t *outsider) Fatalf(text string, arg ...any) { panic(failure{fmt.Errorf(text, arg...)}) }
