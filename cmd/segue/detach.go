package main

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"syscall"
	"time"

	"segue/cmd/internal/outlet"
)

// flushTimeout is for what has been printed and not been read when the program ends.
const flushTimeout = time.Second

// detach has nothing that follows wait for those who read stdout and stderr, or end because they have gone: a collector that is
// restarted, a pipe that nobody reads and a disk that is full are no business of clients.
func (w *world) detach(terminal bool) {
	stderr, stdout := outlet.New(w.stderr, droppedLines(terminal)), outlet.New(w.stdout, nil)
	w.stderr, w.stdout = stderr, stdout
	w.outlets = []*outlet.Writer{stderr, stdout}
	if w.ignore != nil {
		w.ignore(syscall.SIGPIPE) // else a write to a stdout or stderr without a reader would be the end
		log.SetOutput(stderr)     // until there is a log
	}
}

// droppedLines makes the log's line that tells of those that are missing. An error, so that it is there at every --log-level.
func droppedLines(terminal bool) func(lines uint64) []byte {
	return func(lines uint64) []byte {
		var line bytes.Buffer
		newLog(&line, slog.LevelError, terminal).Error("log lines are missing here: they could not be written in time", "lines", lines)
		return line.Bytes()
	}
}

// dropped is how many lines have been.
func (w *world) dropped() (lines uint64) {
	for _, o := range w.outlets {
		lines += o.Dropped()
	}
	return lines
}

// flush ends what detach began.
func (w *world) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	for _, o := range w.outlets {
		o.Close(ctx)
	}
}
