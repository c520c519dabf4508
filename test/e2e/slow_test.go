package e2e

import (
	"fmt"
	"testing"
	"time"

	"realdocd/test/stack"
)

func TestASlowRequestIsLoggedWithItsWorker(t *testing.T) {
	st := stack.For(t, "nginx", "php-fpm")
	fpm := st.FPM(stack.FPMConfig{Status: true})
	s := openShopOn(st, fpm, settings{
		log:  stack.Keys{"slow": "100ms"},
		pool: stack.Keys{"status": string(fpm.Status), "status_path": stack.StatusPath},
	})
	s.get(t, "/sleep.php?ms=1")
	s.get(t, "/sleep.php?ms=500")
	requestFor := func(path string) stack.Event {
		t.Helper()
		event, err := s.gw.WaitEvent(0, 5*time.Second, func(e stack.Event) bool { return e.String("path") == path })
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
	if event := requestFor("/sleep.php?ms=1"); event.String("slow") != "" {
		t.Errorf("a fast request is logged as a slow one: %v", event)
	}
	event := requestFor("/sleep.php?ms=500")
	if event.String("slow") != "true" || event.String("level") != "warn" {
		t.Errorf("a slow request is not logged as one: %v", event)
	}
	for span, least := range map[string]float64{"receive": 0, "queue": 0, "connect": 0, "first_byte": 490, "total": 490} {
		if took, has := event[span].(float64); !has || took < least {
			t.Errorf("%s is %v ms, want at least %v: %v", span, event[span], least, event)
		}
	}
	worker, _ := event["fpm"].(map[string]any)
	if worker["state"] != "Running" || worker["script"] != s.site.Release(1)+"/public/sleep.php" {
		t.Errorf("FPM said of its worker %v", worker)
	}
	for _, pid := range fpm.Workers() {
		if fmt.Sprint(worker["pid"]) == fmt.Sprint(pid) {
			return
		}
	}
	t.Errorf("the worker %v is none of FPM's %v", worker["pid"], fpm.Workers())
}
