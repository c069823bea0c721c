// Package wiretest has what no client and no server should say, for tests: the corpus of malformed packets that fuzz targets begin with, and that is said to
// a Segue that runs. What has once been found out about goes there.
package wiretest

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Side says who would say it.
type Side string

// The sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// Stage says in place of what it would be said.
type Stage string

// The stages.
const (
	Greeting Stage = "greeting" // a server's HandshakeV10
	Response Stage = "response" // a client's HandshakeResponse41
	Verdict  Stage = "verdict"  // what a server says to that, but for questions
	Question Stage = "question" // what a server asks of a client that logs in
	Proof    Stage = "proof"    // a client's answer to such a question
	Command  Stage = "command"
	Answer   Stage = "answer"
)

// Said is one thing that is said.
type Said struct {
	Side  Side
	Stage Stage
	Name  string
	bytes []byte
	whole bool // bytes are the payload of one packet
}

const headerLen = 4 // package wire's own tests are to use this one

//go:embed hostile.txt
var corpus string

// Hostile is the corpus, or what there is in it for one of these stages.
func Hostile(tb testing.TB, side Side, stages ...Stage) (list []Said) {
	tb.Helper()
	for n, line := range strings.Split(corpus, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parse(line)
		if err != nil {
			tb.Fatalf("hostile.txt:%d: %v", n+1, err)
		}
		if s.Side == side && (len(stages) == 0 || slices.Contains(stages, s.Stage)) {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		tb.Fatalf("nothing of a %s for %s", side, stages)
	}
	return list
}

// parse reads SIDE STAGE NAME packet|bytes TEXT…, of which each TEXT is a Go string, with xN behind it if it is repeated.
func parse(line string) (s Said, err error) {
	head := strings.SplitN(line, " ", 5)
	if len(head) < 5 {
		return s, fmt.Errorf("%d fields, want 5", len(head))
	}
	s = Said{Side: Side(head[0]), Stage: Stage(head[1]), Name: head[2], whole: head[3] == "packet"}
	if !s.whole && head[3] != "bytes" {
		return s, fmt.Errorf("%q is neither packet nor bytes", head[3])
	}
	for rest := head[4]; rest != ""; {
		var more []byte
		if more, rest, err = part(rest); err != nil {
			return s, err
		}
		s.bytes = append(s.bytes, more...)
	}
	return s, nil
}

// part reads one TEXT, and how often.
func part(line string) (text []byte, rest string, err error) {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return nil, "", err
	}
	one, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, "", err
	}
	times := 1
	count, rest, _ := strings.Cut(line[len(quoted):], " ")
	if count != "" {
		if times, err = strconv.Atoi(strings.TrimPrefix(count, "x")); err != nil {
			return nil, "", err
		}
	}
	return []byte(strings.Repeat(one, times)), rest, nil
}

// Payload is what follows the header of its first packet.
func (s Said) Payload() []byte {
	if s.whole || len(s.bytes) < headerLen {
		return s.bytes
	}
	return s.bytes[headerLen:]
}

// Append appends what is said where a packet with this sequence id is due. It may be packets, less, or more.
func (s Said) Append(dst []byte, seq uint8) []byte {
	if s.whole {
		n := len(s.bytes)
		return append(append(dst, byte(n), byte(n>>8), byte(n>>16), seq), s.bytes...)
	}
	at := len(dst)
	dst = append(dst, s.bytes...)
	if len(s.bytes) >= headerLen {
		dst[at+headerLen-1] += seq
	}
	return dst
}
