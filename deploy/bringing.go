package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Bringing has a release come here under the name that it has on other hosts. A command
// fills a hidden directory beside the releases, which has a record. Once its content is the
// one that is wanted, the directory gets its name by one rename, and only if nothing has that name.
// Whatever is interrupted leaves the hidden directory, and the next Bringing of the same name
// carries on with it.
type Bringing struct {
	// Releases is the directory that the release comes into, and Name what it is called there.
	Releases, Name string
	// Hash is the content that it has to have; "" if that is not known.
	Hash string
	// Filling says what does not count, and Shared what the release gets of it.
	Filling Filling
	Shared  Shared
	// Record says who brings it.
	Record   Record
	Warden   *Warden
	Contents *Contents
}

// A WrongContent error is a release that was brought and is not the one that is wanted.
type WrongContent struct{ Dir, Is, Want string }

func (w *WrongContent) Error() string {
	return fmt.Sprintf("%s has another content than is wanted (%s, and not %s), so that it gets no name: see with realdocd fleet content what differs, and mend what the command brings; the next one carries on with that directory",
		w.Dir, w.Is, w.Want)
}

func (b *Bringing) final() string { return filepath.Join(b.Releases, b.Name) }

func (b *Bringing) partial() string {
	return hidden(b.final(), strings.TrimPrefix(partialSuffix, "."))
}

// Fetch has run fill the hidden directory, unless the release is here already. run hands the file on to
// whatever it starts: as long as one of these runs, no other Fetch begins.
func (b *Bringing) Fetch(ctx context.Context, run func(ctx context.Context, dir string, held *os.File) error) (Content, error) {
	if here, err := b.here(ctx); err != nil || here.Hash != "" {
		return here, err
	}
	partial, err := b.place()
	if err != nil {
		return Content{}, b.failed(err)
	}
	held, err := b.hold(partial)
	if err != nil {
		return Content{}, b.failed(err)
	}
	defer held.Close()
	if err := run(ctx, partial, held); err != nil {
		return Content{}, b.failed(err)
	}
	content, err := b.take(ctx, partial)
	return content, b.failed(err)
}

// Place makes the hidden directory, for whoever fills it from elsewhere before Take.
func (b *Bringing) Place(ctx context.Context) (string, error) {
	if here, err := b.here(ctx); err != nil {
		return "", err
	} else if here.Hash != "" {
		return "", b.failed(fmt.Errorf("%s is here already, with this content", b.final()))
	}
	partial, err := b.place()
	return partial, b.failed(err)
}

// Take gives the hidden directory its name, which somebody has filled since Place.
func (b *Bringing) Take(ctx context.Context) (Content, error) {
	if here, err := b.here(ctx); err != nil || here.Hash != "" {
		return here, err
	}
	partial := b.partial()
	if !exists(partial) {
		return Content{}, b.failed(fmt.Errorf("there is no %s: push it there first", partial))
	}
	held, err := b.hold(partial)
	if err != nil {
		return Content{}, b.failed(err)
	}
	defer held.Close()
	content, err := b.take(ctx, partial)
	return content, b.failed(err)
}

func (b *Bringing) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bring release %s: %w", b.Name, err)
}

// here is the content of a release that has the name already; the zero one if there is none.
func (b *Bringing) here(ctx context.Context) (Content, error) {
	if err := CheckReleaseName(b.Name); err != nil {
		return Content{}, err
	}
	if !exists(b.final()) {
		return Content{}, nil
	}
	content, err := b.Contents.Of(ctx, b.final(), b.Filling)
	if err == nil && b.Hash != "" && content.Hash != b.Hash {
		err = fmt.Errorf("%s is here with another content (%s, and not %s), and is not replaced: give the release another name, or move that one away once nobody uses it",
			b.final(), content.Hash, b.Hash)
	}
	if err != nil {
		return Content{}, b.failed(err)
	}
	return content, nil
}

// place is the hidden directory, made or left by an earlier Bringing, with its record.
func (b *Bringing) place() (partial string, err error) {
	if err := MakeDirs(b.Releases); err != nil {
		return "", err
	}
	partial, records := b.partial(), b.Warden.Records
	rec := b.Record
	if exists(partial) {
		was, err := records.Of(partial)
		switch {
		case err != nil:
			return "", err
		case was == nil || !records.fits(partial, b.Warden.Site):
			return "", fmt.Errorf("%s is there, and was not made by realdocd for site %s: look at what it is, and remove it", partial, b.Warden.Site)
		case was.Fetched.IsZero():
			return "", fmt.Errorf("%s is what a deploy has left that was interrupted: deploy again, or give the release another name", partial)
		}
		rec = *was
	}
	rec.Kind, rec.Fetched = KindRelease, time.Now()
	if rec.known() {
		return partial, records.Put(rec)
	}
	_, err = records.MakeDir(partial, rec)
	return partial, err
}

// hold keeps others from filling the directory, until the file is closed everywhere.
func (b *Bringing) hold(partial string) (*os.File, error) {
	t, err := openTree(partial)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(t.dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return t.dir, nil
	}
	t.dir.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("something fills %s still, maybe a command that was left over: wait for it, or end it (fuser -v %s)", partial, partial)
	}
	return nil, &os.PathError{Op: "lock", Path: partial, Err: err}
}

// take gives a hidden directory its name, once it has the content that is wanted, has what is shared,
// and is durable.
func (b *Bringing) take(ctx context.Context, partial string) (Content, error) {
	permit, err := b.Warden.MayClear(partial)
	if err != nil {
		return Content{}, err
	}
	if err := b.Shared.Prepare(partial); err != nil {
		return Content{}, err
	}
	if err := b.Shared.Link(permit); err != nil {
		return Content{}, err
	}
	if err := Sync(partial); err != nil {
		return Content{}, err
	}
	content, err := b.Contents.Of(ctx, partial, b.Filling)
	switch {
	case err != nil:
		return Content{}, err
	case content.Files == 0:
		return Content{}, fmt.Errorf("nothing has come into %s: the command has to fill REALDOC_TARGET", partial)
	case b.Hash != "" && content.Hash != b.Hash:
		return Content{}, &WrongContent{partial, content.Hash, b.Hash}
	}
	if err := b.Warden.Records.EndFill(permit, b.Filling.Exclude); err != nil {
		return Content{}, err
	}
	return content, Complete(partial, b.final())
}
