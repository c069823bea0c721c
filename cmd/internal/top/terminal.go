package top

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// What a terminal is told: its other screen, no cursor, and what is pasted between marks; and all that back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J"
	leaveScreen = "\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l"
)

// terminal is one that a program has for itself between enter and leave.
type terminal struct {
	in, out *os.File
	color   bool

	mu    sync.Mutex  // guards what follows
	state *term.State // as it was before; nil: it has been given back
	shown []string    // the lines that stand on it
}

// enter takes the terminal: keys come as they are pressed, and the screen is the program's.
func (t *terminal) enter() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != nil {
		return nil
	}
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return fmt.Errorf("take the terminal: %w", err)
	}
	t.state, t.shown = state, nil
	_, err = t.out.WriteString(enterScreen)
	return err
}

// leave gives the terminal back as it was. It may be called again.
func (t *terminal) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == nil {
		return
	}
	_, _ = t.out.WriteString(leaveScreen) // it may have gone
	_ = term.Restore(int(t.in.Fd()), t.state)
	t.state = nil
}

// size is that of the screen; where it cannot be told, what terminals have had since there are any.
func (t *terminal) size() (columns, rows int) {
	columns, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || columns < 1 || rows < 1 {
		return 80, 24
	}
	return columns, rows
}

// forget has all lines be written again.
func (t *terminal) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shown = nil
}

// draw writes the lines that are not there already.
func (t *terminal) draw(lines []Line) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var text strings.Builder
	if len(t.shown) != len(lines) {
		text.WriteString("\x1b[2J")
		t.shown = make([]string, len(lines))
	}
	for i, l := range lines {
		if painted := l.painted(t.color); painted != t.shown[i] {
			fmt.Fprintf(&text, "\x1b[%d;1H\x1b[K%s", i+1, painted)
			t.shown[i] = painted
		}
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := t.out.WriteString(text.String())
	return err
}

// keyReader reads keys until it is ended.
type keyReader struct {
	in        *os.File
	keys      chan []Key
	wake, end *os.File // a pipe: closing end ends it
}

func newKeyReader(in *os.File) (*keyReader, error) {
	wake, end, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &keyReader{in: in, keys: make(chan []Key), wake: wake, end: end}, nil
}

// escapeTime is how long what follows an ESC may take, in milliseconds: a terminal sends it at once, a person does not.
const escapeTime = 30

// run sends keys as they are pressed; when the terminal has gone, or stop is closed, it ends.
func (r *keyReader) run(stop <-chan struct{}) error {
	defer r.wake.Close()
	var rest []byte
	buffer := make([]byte, 1024)
	for {
		timeout := -1
		if len(rest) > 0 {
			timeout = escapeTime
		}
		came, err := r.await(timeout)
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		case came:
			n, err := unix.Read(int(r.in.Fd()), buffer)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
				continue
			}
			if err != nil || n == 0 {
				return fmt.Errorf("read from the terminal: %w", errors.Join(err, errGone))
			}
			rest = append(rest, buffer[:n]...)
			if rest[len(rest)-1] == 0x1b {
				continue // a key of its own, or the beginning of one
			}
		}
		keys, left := decode(rest)
		if !came {
			left = nil // it was none
		}
		rest = append([]byte(nil), left...)
		if len(keys) == 0 {
			continue
		}
		select {
		case r.keys <- keys:
		case <-stop:
			return nil
		}
	}
}

// errGone is the end of a terminal.
var errGone = errors.New("it has gone")

// await waits for something to be read; os.ErrClosed: it is to end.
func (r *keyReader) await(timeout int) (came bool, err error) {
	fds := []unix.PollFd{{Fd: int32(r.in.Fd()), Events: unix.POLLIN}, {Fd: int32(r.wake.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false, err
		case fds[1].Revents != 0:
			return false, os.ErrClosed
		}
		return n > 0, nil
	}
}
