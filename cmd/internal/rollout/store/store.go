// Package store keeps the state of a rollout in a file: written whole or not at all, on the disk before anything is done that it tells of, and by one
// process at a time.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"segue/cmd/internal/rollout"
)

// mostBytes is how large a state may be.
const mostBytes = 64 << 20

// ErrNone says that there is no state yet.
var ErrNone = errors.New("there is no state")

// File is a file that this process alone writes.
type File struct {
	path string
	lock *os.File
}

// Open takes a file for this process, whether or not it is there; Close gives it back, and so does the end of the process, however it comes. Beside it a file with the ending .lock is left.
func Open(path string) (*File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock %s: another `segue rollout` has it, or a command that one has begun still runs: %w", path, err)
	}
	return &File{path, lock}, nil
}

// Lock is what holds the file for this process. Where another process has it as well, the file is free when both are at an end.
func (f *File) Lock() *os.File { return f.lock }

// Close gives the file back.
func (f *File) Close() error { return f.lock.Close() }

// Load reads what is there.
func (f *File) Load() (*rollout.State, error) { return Read(f.path) }

// Read reads the state at path. It needs no lock: what is there is whole.
func Read(path string) (*rollout.State, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNone, path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s := new(rollout.State)
	switch err := json.Unmarshal(data, s); {
	case len(data) > mostBytes:
		return nil, fmt.Errorf("read %s: it has more than %d bytes", path, mostBytes)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case s.Version != rollout.StateVersion:
		return nil, fmt.Errorf("read %s: it is no rollout's state that this Segue knows (version %d, not %d)", path, s.Version, rollout.StateVersion)
	}
	return s, nil
}

// Save writes the state. When it returns nil it is on the disk.
func (f *File) Save(s *rollout.State) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	if err := replace(f.path, append(data, '\n')); err != nil {
		return fmt.Errorf("keep the rollout's state: %w", err)
	}
	return nil
}

// replace puts a new file in place of path, so that a reader, or a machine that loses power, finds the old one or the new one.
func replace(path string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(data); err != nil {
		return err
	}
	if err = file.Sync(); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
