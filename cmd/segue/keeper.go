package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"segue/cmd/internal/admin"
)

// keptFile is what the file of the key `state` says.
type keptFile struct {
	Version int `json:"segue_state"`
	admin.Intent
}

// keptVersion is of that.
const keptVersion = 1

// maxKept is how large it may be, in bytes.
const maxKept = 1 << 20

// readKept reads it. One that is not there says nothing.
func readKept(path string) (in admin.Intent, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return in, errors.Join(err, errors.New("it is not a regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	if err != nil {
		return in, err
	}
	return parseKept(data)
}

// parseKept reads what the file says.
func parseKept(data []byte) (admin.Intent, error) {
	var k keptFile
	switch err := json.Unmarshal(data, &k); {
	case len(data) > maxKept:
		return admin.Intent{}, fmt.Errorf("it has more than %d bytes", maxKept)
	case err != nil:
		return admin.Intent{}, err
	case k.Version != keptVersion:
		return admin.Intent{}, fmt.Errorf("it is none of this Segue's (%d, not %d)", k.Version, keptVersion)
	}
	return k.Intent, nil
}

// keeper writes what operators have said to a file whenever they have said something. Nobody waits for that: a disk may be full, or gone.
// Its methods may be called on a nil keeper, which keeps nothing.
type keeper struct {
	// Static after newKeeper.
	path   string
	intent func() admin.Intent
	write  func(path string, in admin.Intent) error // writeKept
	log    *slog.Logger
	due    chan struct{} // has room for one
	over   chan struct{} // closed when no more is to come
	ended  chan struct{} // closed when run has ended
	once   sync.Once
}

// newKeeper makes one, which keeps things while run runs; nil for no path.
func newKeeper(path string, intent func() admin.Intent, log *slog.Logger) *keeper {
	if path == "" {
		return nil
	}
	return &keeper{path: path, intent: intent, write: writeKept, log: log, due: make(chan struct{}, 1), over: make(chan struct{}), ended: make(chan struct{})}
}

// said asks for what has been said to be written.
func (k *keeper) said() {
	if k == nil {
		return
	}
	select {
	case k.due <- struct{}{}:
	default:
	}
}

// keepTimeout is how long the end of a keeper is waited for.
const keepTimeout = time.Second

// end ends it, and waits for a moment until what is under way has been written.
func (k *keeper) end() {
	if k == nil {
		return
	}
	k.once.Do(func() { close(k.over) })
	select {
	case <-k.ended:
	case <-time.After(keepTimeout):
	}
}

// cede ends it where what is to be kept is another Segue's business from now on.
func (k *keeper) cede() {
	if k == nil {
		return
	}
	select {
	case <-k.due:
	default:
	}
	k.end()
}

// retry is how long after a failure it is tried again.
const retry = 10 * time.Second

// run writes until it is ended. Whoever waits for it waits for a moment only.
func (k *keeper) run() {
	if k == nil {
		return
	}
	defer close(k.ended)
	var again <-chan time.Time
	for {
		select {
		case <-k.due:
		case <-again:
		case <-k.over:
			select {
			case <-k.due:
				k.keep()
			default:
			}
			return
		}
		again = nil
		if !k.keep() {
			again = time.After(retry)
		}
	}
}

// keep writes, and reports whether that went well.
func (k *keeper) keep() bool {
	err := k.write(k.path, k.intent())
	if err != nil {
		k.log.Error("what operators have said is not kept over a restart", "cause", err)
	}
	return err == nil
}

// writeKept replaces the file as a whole. What is there and is no file, a device or a pipe, is somebody else's.
func writeKept(path string, in admin.Intent) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is there, and is not a regular file", path)
	}
	data, err := json.MarshalIndent(keptFile{keptVersion, in}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if failed := f.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
