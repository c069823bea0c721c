// Command segue stands between an application and the MySQL port of a cluster
// and lets the cluster be upgraded, restarted or killed server by server while
// the application sees no error.
//
// main makes a command tree (command.go) and turns its error into an exit
// code; each subcommand has a file of its own. `segue serve` makes an app
// (app.go), which wires the rooms: proxy, backend, health, config, admin.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"

	"segue/cmd/internal/outlet"
	"segue/config"
)

// world is what the program meets outside itself. Tests put their own in.
type world struct {
	stdin          *os.File // nil: there is none
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string // nil: the process is not this program's alone
	notify         func(c chan<- os.Signal, sig ...os.Signal)
	ignore         func(sig ...os.Signal) // nil: the process is not this program's alone
	threads        func(n int) int        // runtime.GOMAXPROCS; nil: the process is not this program's alone
	etc            string                 // the configuration that is read when none is named
	args           []string               // of the command line that run runs
	keys           []config.Key           // of the configuration, once they have been asked for

	outlets []*outlet.Writer // that are in the place of stdout and stderr; see detach
}

func main() {
	log.SetOutput(io.Discard) // net/http tells there what a server has said unasked; who has asked it has heard it too
	keepPrivate()
	w := &world{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		getenv:  os.Getenv,
		environ: os.Environ,
		notify:  signal.Notify,
		ignore:  signal.Ignore,
		threads: runtime.GOMAXPROCS,
		etc:     "/etc/segue/segue.yaml",
	}
	os.Exit(w.run(context.Background(), os.Args[1:]))
}

// withoutLineEnd gives variables without a line break at their end, as files with secrets are read: a Secret or a ConfigMap that was made of a file has it.
func withoutLineEnd(getenv func(string) string) func(string) string {
	return func(name string) string { return strings.TrimSuffix(strings.TrimSuffix(getenv(name), "\n"), "\r") }
}
