// Package files reads small files that may be anywhere: on a disk, or on a file server that is gone, which no system call comes back from.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

// Patience is how long a file may take to be opened and read.
const Patience = 5 * time.Second

// What keeps a file from being read, beside what the system says.
var (
	ErrTooLarge   = errors.New("is too large")
	ErrNotRegular = errors.New("is not a regular file")
	// ErrNoAnswer ends the wait and not the reading, which nothing can end.
	ErrNoAnswer = errors.New("no answer")
)

// Reader reads files. The zero value is ready, and may be used by several goroutines. One that is kept for all files that are read again and again bounds how many readings can
// hang: one of each.
type Reader struct {
	Patience time.Duration                      // zero: [Patience]
	Open     func(path string) (fs.File, error) // nil: the system's

	mu      sync.Mutex
	reading map[string]bool // paths
}

// Read reads a regular file of at most most bytes, and nothing else: a pipe would block until somebody writes to it. An error is what the system says of the path, or one of
// those of this package. One that says nothing within the time that it may take gives [ErrNoAnswer], at once as long as that reading hangs.
func (r *Reader) Read(path string, most int64) ([]byte, error) {
	patience := r.Patience
	if patience == 0 {
		patience = Patience
	}
	if !r.begin(path) {
		return nil, noAnswer("still")
	}
	done := make(chan content, 1)
	go r.read(path, most, done)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case c := <-done:
		return c.data, c.err
	case <-timer.C:
		return nil, noAnswer(fmt.Sprintf("within %v", patience))
	}
}

func noAnswer(when string) error {
	return fmt.Errorf("%w %s: it may be on a file server that is gone", ErrNoAnswer, when)
}

// content is what came of reading.
type content struct {
	data []byte
	err  error
}

// begin enters a path, unless it is being read. Whoever finds it being read does not wait: it hangs, or is read by another at the same moment, which readers of one goroutine never do.
func (r *Reader) begin(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading[path] {
		return false
	}
	if r.reading == nil {
		r.reading = make(map[string]bool)
	}
	r.reading[path] = true
	return true
}

// read runs in a goroutine of its own, for which nobody waits longer than the file may take: where the file server is gone it ends when that is back, or never.
func (r *Reader) read(path string, most int64, done chan<- content) {
	data, err := r.whole(path, most)
	r.mu.Lock()
	delete(r.reading, path)
	r.mu.Unlock()
	done <- content{data, err} // there is room
}

// whole looks at what has been opened: a path may lead elsewhere a moment later.
func (r *Reader) whole(path string, most int64) ([]byte, error) {
	open := r.Open
	if open == nil {
		open = openFile
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > most:
		return nil, ErrTooLarge
	}
	return data, nil
}

// openFile does not block for a pipe that nobody writes to.
func openFile(path string) (fs.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // not a *os.File of nil
	}
	return f, nil
}
