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
	if !isTerminal(ptytest.Open(t, 80, 24).Slave) {
		t.Error("a terminal passes for none")
	}
}
