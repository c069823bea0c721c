package proxy

import (
	"strings"
	"testing"
)

// A view may call a function that writes: what reads from one is not run again, unless the operator says that views only read.
func TestViewsAreNotReadAgain(t *testing.T) {
	for _, c := range []struct {
		reads, text string
		again       bool
	}{
		{"", "SELECT a FROM t", true},
		{"", "SELECT a FROM d.`v` AS x", false},
		{ReadsKnown, "SELECT a FROM v", false},
		{ReadsAny, "SELECT a FROM v", true},
		{"", "SELECT a FROM `\xc3\xa4`", false},
		{"", "SELECT 1", true},
		{"", "SELECT f(1)", false},
	} {
		t.Run(c.reads+" "+c.text, func(t *testing.T) {
			o := known()
			o.Replay.Reads = c.reads
			dies := answering(func(pc *peerConn, command []byte) bool {
				return string(command[1:]) != c.text && pc.echoed(command[1:])
			})
			p := start(t, o, newPeer(t, dies).spec("a"), newPeer(t, echo).spec("b"))
			d, _ := p.connectOn("a")
			d.query(c.text)
			switch got, err := d.row(); {
			case c.again && (err != nil || string(got) != c.text):
				t.Errorf("%q, %v", got, err)
			case !c.again && (err == nil || !strings.Contains(err.Error(), "outcome is unknown")):
				t.Errorf("it has run again: %q, %v", got, err)
			}
			d.ask("SELECT 2")
		})
	}
}
