package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal tells whether somebody looks at what is written to w. Of the character devices that is a terminal alone: /dev/null is none.
func isTerminal(w io.Writer) (yes bool) {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	c, err := f.SyscallConn() // Fd would have it block
	if err != nil {
		return false
	}
	err = c.Control(func(fd uintptr) { yes = term.IsTerminal(int(fd)) })
	return yes && err == nil
}
