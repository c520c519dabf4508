package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"realdocd/test/stack"
)

// drawings are the texts that a command has drawn over one another on the last line.
func (s *terminal) drawings() (texts []string) {
	for _, part := range strings.Split(s.written(), "\r")[1:] {
		if text, _, whole := strings.Cut(part, "\x1b[K"); whole {
			texts = append(texts, text)
		}
	}
	return texts
}

// waitDrawn waits until a command has drawn something that begins so.
func (s *terminal) waitDrawn(begin string) {
	s.t.Helper()
	for {
		for _, text := range s.drawings() {
			if strings.HasPrefix(text, begin) {
				return
			}
		}
		stack.Receive(s.t, s.more, "more on the terminal, "+begin)
	}
}

// waitWritten waits until something stands on the terminal.
func (s *terminal) waitWritten(text string) {
	s.t.Helper()
	for !strings.Contains(s.written(), text) {
		stack.Receive(s.t, s.more, "more on the terminal, "+text)
	}
}

func TestFleetFlip_DrawsOneLineThatFitsTheWindowAndTakesItAwayAtCtrlC(t *testing.T) {
	f := newFakeFleet(t, 3)
	hang := make(chan struct{})
	f.hosts["web2"].change(func() { f.hosts["web2"].prepares = hang })
	s := startOnTerminal(t, 16, 24, "fleet", "flip", "shop", "42", "--config", f.config)
	s.waitDrawn("prepare   2 of")
	s.press("\x03")
	s.waitWritten("nothing has changed")
	if err := stack.Receive(t, s.exited, "its end"); err == nil {
		t.Error("it ended with 0")
	}
	if after := s.modes(); after != s.before {
		t.Errorf("the terminal's modes are %+v, were %+v", after, s.before)
	}
	drawn := s.drawings()
	for _, text := range drawn {
		if utf8.RuneCountInString(text) > 15 {
			t.Errorf("%q does not fit into 16 columns", text)
		}
	}
	if last := drawn[len(drawn)-1]; last != "" {
		t.Errorf("the line %q stays on the terminal", last)
	}
	close(hang)
	f.wantInStep("41")
}

func TestFleetFlip_LeavesNoProgressOnTheTerminalWhenItHasWorked(t *testing.T) {
	f := newFakeFleet(t, 2)
	s := startOnTerminal(t, 80, 24, "fleet", "flip", "shop", "42", "--config", f.config)
	if err := stack.Receive(t, s.exited, "its end"); err != nil {
		t.Errorf("it ended with %v", err)
	}
	s.waitWritten("42 is live on 2 hosts")
	text := s.written()
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if at := strings.LastIndex(line, "\r"); at >= 0 && !strings.HasPrefix(line[at:], "\r\x1b[K") {
			t.Errorf("a line of progress is not taken away: %q", line)
		}
	}
}

func TestFleetFlip_DrawsNothingOnATerminalThatIsDumb(t *testing.T) {
	t.Setenv("TERM", "dumb")
	f := newFakeFleet(t, 2)
	s := startOnTerminal(t, 80, 24, "fleet", "flip", "shop", "42", "--config", f.config)
	s.waitWritten("42 is live on 2 hosts")
	if strings.Contains(s.written(), "\x1b") {
		t.Errorf("it has written %q", s.written())
	}
}
