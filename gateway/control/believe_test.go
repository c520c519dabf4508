package control

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"realdocd/test/stack"
)

// Who could write to the directory of the control socket answered root's commands.
func TestClient_BelievesOnlyADaemonOfTheRightUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("other users take root")
		}
		t.Skip("SKIPPED, NOT PROVEN: other users take root")
	}
	for _, row := range []struct {
		name     string
		uid      int
		users    []string
		believed bool
	}{
		{"root's", 0, []string{"realdocd"}, true},
		{"that of the configuration's user", 4711, []string{"4711"}, true},
		{"that of the configuration's user, by name", 1, []string{"daemon"}, true},
		{"PHP's", 33, []string{"4711"}, false},
		{"PHP's, where no user is named", 33, nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/tmp", "rd") // t.TempDir lies in one that is the caller's alone
			if err == nil {
				err = os.Chmod(dir, 0o777)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			ln, err := stack.ListenAs(dir+"/control.sock", row.uid, row.uid)
			if err != nil {
				t.Fatal(err)
			}
			asked := make(chan struct{}, 1)
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked <- struct{}{}
				w.Write([]byte(`{"version":"1"}`))
			})}
			go srv.Serve(ln)
			defer srv.Close()
			_, err = NewClient(dir+"/control.sock", row.users...).Status(t.Context())
			refused := (*DisbelievedError)(nil)
			switch {
			case row.believed && err != nil:
				t.Errorf("it is not believed: %v", err)
			case !row.believed && !errors.As(err, &refused):
				t.Errorf("it is believed: %v", err)
			case !row.believed && len(asked) > 0:
				t.Error("it was asked before it was known")
			}
		})
	}
}
