package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"
)

// patience is how long an answer of the browser may take.
const patience = 30 * time.Second

// A Browser is a running Chromium.
type Browser struct {
	t   testing.TB
	out io.Writer

	mu      sync.Mutex // guards the following, and writing
	calls   int
	answers map[int]chan answer
	ended   error
}

type answer struct {
	ID     int
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start starts a Chromium that ends with the test. It is skipped if there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := stack.PathOf(t, "chromium")
	profile, err := os.MkdirTemp("", "rdbrowser")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--user-data-dir="+profile, "about:blank")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	toRead, toWrite := pipe(t), pipe(t)
	cmd.ExtraFiles = []*os.File{toRead[0], toWrite[1]} // its descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toRead[0].Close()
	toWrite[1].Close()
	b := &Browser{t: t, out: toRead[1], answers: map[int]chan answer{}}
	go b.listen(toWrite[0])
	t.Cleanup(func() {
		toRead[1].Close()
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(profile)
		if t.Failed() {
			t.Logf("--- chromium\n%s", log.Bytes()[max(0, log.Len()-2000):])
		}
	})
	return b
}

func pipe(t testing.TB) [2]*os.File {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return [2]*os.File{r, w}
}

// listen hands out answers until the browser ends.
func (b *Browser) listen(in io.Reader) {
	messages := bufio.NewReader(in)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.ended = errors.New("the browser has ended")
			for _, wanted := range b.answers {
				close(wanted)
			}
			b.answers = nil
			b.mu.Unlock()
			return
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) != nil || a.ID == 0 {
			continue // an event
		}
		b.mu.Lock()
		wanted := b.answers[a.ID]
		delete(b.answers, a.ID)
		b.mu.Unlock()
		if wanted != nil {
			wanted <- a
		}
	}
}

// call calls a method of the protocol, of a tab if session is not "".
func (b *Browser) call(session, method string, params, result any) error {
	wanted := make(chan answer, 1)
	b.mu.Lock()
	if b.ended != nil {
		b.mu.Unlock()
		return b.ended
	}
	b.calls++
	id := b.calls
	b.answers[id] = wanted
	message := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = b.out.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a, ok := <-wanted:
		switch {
		case !ok:
			return fmt.Errorf("%s: the browser has ended", method)
		case a.Error != nil:
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		case result != nil:
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer within %v", method, patience)
	}
}

// A Tab is one page of a Browser.
type Tab struct {
	b       *Browser
	session string
}

// Open opens a tab and loads a page into it.
func (b *Browser) Open(url string) *Tab {
	b.t.Helper()
	var target struct{ TargetID string }
	var attached struct{ SessionID string }
	err := b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	if err == nil {
		err = b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	tab := &Tab{b, attached.SessionID}
	tab.Load(url)
	return tab
}

// Load goes to a page, as a visitor does who types its address, and waits until it is there.
func (t *Tab) Load(url string) {
	t.b.t.Helper()
	var navigated struct{ ErrorText string }
	if err := t.b.call(t.session, "Page.navigate", map[string]any{"url": url}, &navigated); err != nil || navigated.ErrorText != "" {
		t.b.t.Fatalf("load %s: %v %s", url, err, navigated.ErrorText)
	}
	stack.Until(t.b.t, url+" is loaded", func() bool {
		var state string
		return t.Try(`document.readyState + " " + location.href`, &state) == nil && state != "" && len(state) > 9 && state[:9] == "complete " && state != "complete about:blank"
	})
}

// Eval runs JavaScript in the page, waits for a promise that it gives, and has the value in
// result, as JSON has it.
func (t *Tab) Eval(expression string, result any) {
	t.b.t.Helper()
	if err := t.Try(expression, result); err != nil {
		t.b.t.Fatalf("%s: %v", expression, err)
	}
}

// Is says whether an expression is true in the page. It is false while the tab goes to
// another page.
func (t *Tab) Is(expression string) bool {
	var is bool
	return t.Try("Boolean("+expression+")", &is) == nil && is
}

// Try is Eval that gives an error: of JavaScript, or because the tab goes to another page.
func (t *Tab) Try(expression string, result any) error {
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}
	if err := t.b.call(t.session, "Runtime.evaluate", params, &got); err != nil {
		return err
	}
	if e := got.ExceptionDetails; e != nil {
		return fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	}
	if result == nil || got.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(got.Result.Value, result)
}
