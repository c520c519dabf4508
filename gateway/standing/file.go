package standing

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A File keeps a Table for the processes of one boot.
type File struct {
	dir  string // state_dir
	boot string
}

// fileName is the name of the file in state_dir.
const fileName = "fleet.json"

// content is what the file has.
type content struct {
	// Boot is the boot that At is of.
	Boot   string              `json:"boot_id"`
	At     time.Duration       `json:"boottime_ns"`
	Told   time.Time           `json:"told"`
	Report control.FleetReport `json:"report"`
}

// NewFile is the file in state_dir, for a boot of the machine.
func NewFile(dir, boot string) *File { return &File{dir, boot} }

// Read gives what this boot was told last; nil if it never was. The error says why a file cannot
// be believed.
func (f *File) Read() (*Table, error) {
	var c content
	err := deploy.ReadOwnStateFile(f.dir, fileName, &c)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case f.boot == "" || c.Boot != f.boot:
		return nil, nil
	}
	at := Moment(c.At)
	if at <= 0 || at > Now() {
		return nil, fmt.Errorf("%s/%s is of a moment that is not over", f.dir, fileName)
	}
	if err := c.Report.Check(); err != nil {
		return nil, fmt.Errorf("%s/%s: %w", f.dir, fileName, err)
	}
	return New(c.Report, at, c.Told), nil
}

// Last is what a daemon with that state_dir was told last, in this boot or in one before: for
// commands that find no daemon. It is fs.ErrNotExist if none was ever told.
func Last(dir string) (report control.FleetReport, told time.Time, err error) {
	var c content
	if err = deploy.ReadOwnStateFile(dir, fileName, &c); err == nil {
		err = c.Report.Check()
	}
	return c.Report, c.Told, err
}

// Write keeps a Table. If it cannot, there is no file either, unless the error says that also
// that was not possible: the next process is not to go by what is over.
func (f *File) Write(t *Table) error {
	err := deploy.WriteStateFile(f.dir, "", fileName, content{f.boot, time.Duration(t.at), t.told, t.report})
	if err != nil {
		err = errors.Join(err, f.Remove())
	}
	return err
}

// Remove has nothing known to the next process.
func (f *File) Remove() error { return deploy.RemoveStateFile(f.dir, fileName) }
