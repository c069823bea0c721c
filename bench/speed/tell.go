package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// teller says what is being done: on a terminal in one line that it redraws, elsewhere in a line a step.
type teller struct {
	w        io.Writer
	terminal bool
}

func newTeller(f *os.File) teller {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return teller{f, err == nil}
}

// step tells of something that takes a while.
func (t teller) step(format string, args ...any) {
	if t.terminal {
		t.within(format, args...)
		return
	}
	fmt.Fprintf(t.w, format+"\n", args...)
}

// within tells how far a step is, to who looks on.
func (t teller) within(format string, args ...any) {
	if t.terminal {
		fmt.Fprintf(t.w, "\r\033[K"+format, args...)
	}
}

// clear makes room for something else.
func (t teller) clear() {
	if t.terminal {
		fmt.Fprint(t.w, "\r\033[K")
	}
}
