package proxy

import (
	"bytes"
	"strings"
	"testing"
)

// A value that only the backend knew, and had not been asked for, costs its client one error that names it, and not the connection.
func TestValuesThatAreLost(t *testing.T) {
	replayed := make(chan string, 10)
	p, d := between(t, answering(func(c *peerConn, command []byte) bool {
		return c.send(1, peerOK)
	}), answering(func(c *peerConn, command []byte) bool {
		if bytes.HasPrefix(command[1:], []byte("SET")) {
			replayed <- string(command[1:])
			return c.send(1, peerOK)
		}
		return c.echoed(command[1:])
	}))
	for _, text := range []string{"SET @kept=1", "SET @x=@kept+1, sql_mode=CONCAT('AN','SI')"} {
		d.query(text)
		if _, err := d.row(); err != nil {
			t.Fatal(err)
		}
	}
	p.cutOff()
	p.onB()
	d.query("SELECT @x")
	if got, err := d.row(); err == nil || !strings.Contains(err.Error(), "without its values of @x, sql_mode") {
		t.Errorf("the client got %q, %v", got, err)
	}
	d.ask("SELECT @kept")
	if got := <-replayed; got != "SET @kept=1" {
		t.Errorf("rebuilt by %q", got)
	}
}
