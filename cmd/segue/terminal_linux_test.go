package main

import (
	"os"
	"strings"
	"testing"

	"segue/cmd/internal/ptytest"
)

func TestTerminals(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	if isTerminal(null) || isTerminal(writer) || isTerminal(&strings.Builder{}) {
		t.Error("what is none passes for a terminal")
	}
	terminal := ptytest.Open(t, 123, 24).Slave
	if !isTerminal(terminal) {
		t.Error("a terminal passes for none")
	}
	if n, none := terminalWidth(terminal), terminalWidth(null); n != 123 || none != 0 {
		t.Errorf("%d columns, want 123; of no terminal %d", n, none)
	}
}
