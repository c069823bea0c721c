// Package ptytest gives tests a terminal: a pair of pseudo-terminals of the kernel's, and what somebody would see who looks at one.
package ptytest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is one, and what stands on it.
type Terminal struct {
	t      *testing.T
	master *os.File
	Slave  *os.File // what a program has for stdin, stdout and stderr
	read   chan struct{}

	mu      sync.Mutex // guards what follows
	changed chan struct{}
	screen  *screen
	raw     strings.Builder
}

// Open opens one of a size. It is closed when the test ends.
func Open(t *testing.T, columns, rows int) *Terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(descriptor(t, master), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(descriptor(t, master), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &Terminal{t: t, master: master, Slave: slave, read: make(chan struct{}), changed: make(chan struct{}), screen: newScreen(columns, rows)}
	p.Resize(columns, rows)
	go p.look()
	t.Cleanup(func() {
		slave.Close()
		master.Close()
		<-p.read
	})
	return p
}

func descriptor(t *testing.T, f *os.File) (fd int) {
	t.Helper()
	c, err := f.SyscallConn()
	if err == nil {
		err = c.Control(func(d uintptr) { fd = int(d) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// look shows what is written until the terminal is closed.
func (p *Terminal) look() {
	defer close(p.read)
	buffer := make([]byte, 4096)
	for {
		n, err := p.master.Read(buffer)
		if n > 0 {
			p.mu.Lock()
			p.raw.Write(buffer[:n])
			p.screen.write(buffer[:n])
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil && !errors.Is(err, syscall.EIO) { // EIO: no program has it at the moment
			return
		}
		if err != nil {
			select {
			case <-p.t.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// Resize makes it larger or smaller, and tells the program so.
func (p *Terminal) Resize(columns, rows int) {
	p.t.Helper()
	p.mu.Lock()
	p.screen.resize(columns, rows)
	p.mu.Unlock()
	if err := unix.IoctlSetWinsize(descriptor(p.t, p.master), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)}); err != nil {
		p.t.Fatal(err)
	}
}

// Type presses keys.
func (p *Terminal) Type(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		p.t.Fatal(err)
	}
}

// Run gives a command the terminal, as its controlling one.
func (p *Terminal) Run(cmd *exec.Cmd) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Slave, p.Slave, p.Slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
}

// HangUp closes it, as when a connection by which somebody has come breaks.
func (p *Terminal) HangUp() { p.master.Close() }

// Mode is how the terminal treats what is typed and written.
func (p *Terminal) Mode() unix.Termios {
	p.t.Helper()
	mode, err := unix.IoctlGetTermios(descriptor(p.t, p.Slave), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return *mode
}

// Screen is what stands on it.
func (p *Terminal) Screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// Written is all that has been written.
func (p *Terminal) Written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// Restored tells what has been left of a program that had the whole screen; empty: nothing.
func (p *Terminal) Restored() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.screen.alternate:
		return "its screen is still there"
	case p.screen.hidden:
		return "the cursor is hidden"
	}
	return ""
}

// Await waits until what stands on it is as it should be.
func (p *Terminal) Await(what string, ok func(screen string) bool) string {
	p.t.Helper()
	const patience = 20 * time.Second
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		text, changed := p.screen.String(), p.changed
		p.mu.Unlock()
		if ok(text) {
			return text
		}
		select {
		case <-changed:
		case <-timeout:
			p.t.Fatalf("after %s still not: %s\n%s", patience, what, text)
		}
	}
}

// Shows waits until a text stands on it.
func (p *Terminal) Shows(text string) string {
	p.t.Helper()
	return p.Await("the text "+text, func(screen string) bool { return strings.Contains(screen, text) })
}
