package fpm

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

func TestTheStatusOfFPMNamesWhatEachWorkerRuns(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 2, Status: true})
	gate := filepath.Join(s.Dir, "gate")
	wait := `while (!file_exists('` + gate + `')) { usleep(1000); clearstatcache(); }`
	for name, text := range map[string]string{
		"run.php":    `<?php header('X: y'); echo str_repeat(' ', 5000); flush(); ` + wait,
		"finish.php": `<?php fastcgi_finish_request(); ` + wait,
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	running := s.Connect(fpm.Addr)
	for _, err := range []error{
		running.Begin(false),
		running.Params(stack.ParamsFor(s.Dir, "POST", "/run.php", "QUERY_STRING", `q="\`)...),
		running.Stdin(nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := running.Read(make([]byte, 1)); err != nil { // the script has begun
		t.Fatal(err)
	}
	if reply := s.Ask(fpm.Addr, nil, stack.ParamsFor(s.Dir, "GET", "/finish.php")...); !reply.Ended {
		t.Fatalf("got %+v", reply)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	workers, err := AskWorkers(ctx, sock.Addr(fpm.Status), stack.StatusPath)
	if err != nil || len(workers) != 2 {
		t.Fatalf("got %+v, %v", workers, err)
	}
	pids := map[int]bool{}
	for _, pid := range fpm.Workers() {
		pids[pid] = true
	}
	for _, w := range workers {
		if !pids[w.PID] || w.Duration <= 0 || w.Duration > patience {
			t.Errorf("workers %v, got %+v", pids, w)
		}
		pid, took := w.PID, w.Duration
		want := Worker{pid, "Running", took, "POST", `/run.php?q="\`, s.Dir + "/run.php", 0}
		if w.Method == "GET" {
			want = Worker{pid, "Finishing", took, "GET", "/finish.php", s.Dir + "/finish.php", 0}
		}
		if w != want {
			t.Errorf("got  %+v\nwant %+v", w, want)
		}
	}

	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	running.Close()                                       // else its worker waits for that
	stack.Until(t, "both workers are idle", func() bool { // FPM tells nobody that a script has ended
		workers, err := AskWorkers(ctx, sock.Addr(fpm.Status), stack.StatusPath)
		if err != nil {
			t.Fatalf("at last %+v, %v", workers, err)
		}
		return workers[0].State == "Idle" && workers[1].State == "Idle"
	})
}

func TestAPageThatIsNotTheStatusPathIsAnErrorThatNamesIt(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{Status: true})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, addr := range []stack.Addr{fpm.Status, fpm.Addr} {
		want := "ask FPM at " + string(addr) + " for its status: the listener has no pm.status_path = /status"
		if _, err := AskWorkers(ctx, sock.Addr(addr), "/status"); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
