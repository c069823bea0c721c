package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"segue/cmd/internal/admin"
	"segue/proxy/load"
)

// What two Segues say to each other while one takes over from the other: lines of JSON, the first of them with the sockets beside it. The old
// one greets, the new one says that it is ready, and the old one, which has let go by then, says what else passes to the new one.

// takeoverVersion is of these messages. A new Segue takes nothing from one that speaks otherwise, which goes on.
const takeoverVersion = 2

// maxMessage is how long a line may be, in bytes: a thousand backends are a tenth of it.
const maxMessage = 1 << 20

// greeting comes with the sockets.
type greeting struct {
	Version int      `json:"segue_takeover"`
	Network string   `json:"network"` // its network namespace, by which addresses of sockets are; empty: it cannot tell
	Sockets []string `json:"sockets"` // the keys whose place the sockets take, in their order; and "offer"
	Passed  []string `json:"passed"`  // those of them whose sockets are a service manager's
	Program string   `json:"program"` // the file that it runs, whatever is at its path by now; empty: it cannot tell
	Run     string   `json:"run"`     // systemd's INVOCATION_ID: of which run of which unit it is; empty: of none
	Args    []string `json:"args"`    // what it was started with behind serve, for one that is to be as it is
}

// ready is what the new one says.
type ready struct {
	Ready      bool   `json:"ready"`
	Asks       bool   `json:"asks"`       // it only wanted to know who is there
	Invocation string `json:"invocation"` // systemd's INVOCATION_ID: of which run of which unit it is; empty: of none
}

// legacy is what passes to the new one beside sockets.
type legacy struct {
	Intent admin.Intent  `json:"intent"`
	Others []admin.Other `json:"others"`  // Segues that have been taken over from and have sessions, the old one among them
	LastID uint32        `json:"last_id"` // of a session
	Loads  load.Legacy   `json:"loads"`
	Ready  bool          `json:"ready"` // as /readyz says: what was ready is, whoever answers
}

// encodeMessage makes a line of v.
func encodeMessage(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	return append(line, '\n'), err
}

// writeMessage says v.
func writeMessage(w io.Writer, v any) error {
	line, err := encodeMessage(v)
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

// readMessage hears v. begin is what has been read of it already; what follows the line belongs to nobody.
func readMessage(r io.Reader, begin []byte, v any) error {
	line := bytes.Clone(begin)
	part := make([]byte, 4096)
	for !bytes.ContainsRune(line, '\n') {
		if len(line) > maxMessage {
			return fmt.Errorf("a message of more than %d bytes", maxMessage)
		}
		n, err := r.Read(part)
		line = append(line, part[:n]...)
		switch {
		case n > 0:
		case err == nil:
			return io.ErrNoProgress
		case errors.Is(err, io.EOF) && len(line) > 0:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("a message that is none: %w", err)
	}
	return nil
}

// network is this process's network namespace.
func network() string {
	name, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return ""
	}
	return name
}

// programFile tells one file that is run from another, at the same path too: a package's upgrade puts a new one in the place of the one that runs.
// Empty: that could not be found out.
func programFile() string {
	info, err := os.Stat("/proc/self/exe")
	if err != nil {
		return ""
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", at.Dev, at.Ino)
}
