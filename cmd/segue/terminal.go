package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal tells whether somebody looks at what is written to w. Of the character devices that is a terminal alone: /dev/null is none.
func isTerminal(w io.Writer) (yes bool) {
	onFile(w, func(fd int) { yes = term.IsTerminal(fd) })
	return yes
}

// terminalSize is how many columns and rows the terminal has that w writes to; 0: it is none.
func terminalSize(w io.Writer) (columns, rows int) {
	onFile(w, func(fd int) {
		if width, height, err := term.GetSize(fd); err == nil {
			columns, rows = width, height
		}
	})
	return columns, rows
}

// terminalWidth is how many columns it has.
func terminalWidth(w io.Writer) int {
	columns, _ := terminalSize(w)
	return columns
}

// onFile calls do with the descriptor that w writes to, if it is a file.
func onFile(w io.Writer, do func(fd int)) {
	f, ok := w.(*os.File)
	if !ok {
		return
	}
	if c, err := f.SyscallConn(); err == nil { // Fd would have it block
		_ = c.Control(func(fd uintptr) { do(int(fd)) })
	}
}
