package proxy

import (
	"bytes"
	"strings"
	"testing"

	"segue/backend/wire"
)

// A statement of the session's own that ran when its backend went is run again; one that may have done more is not.
func TestSessionStatementsRunAgain(t *testing.T) {
	for name, c := range map[string]struct {
		command []byte
		again   bool
	}{
		"SET":             {query("SET NAMES utf8mb4, time_zone='+00:00', @x=1"), true},
		"USE":             {query("USE shop"), true},
		"COM_INIT_DB":     {append([]byte{byte(wire.ComInitDB)}, "shop"...), true},
		"PREPARE":         {query("PREPARE s FROM 'DELETE FROM t'"), true},
		"SET of a call":   {query("SET @x=f()"), false},
		"SET PASSWORD":    {query("SET PASSWORD='x'"), false},
		"a write with it": {query("SET @x=1; DELETE FROM t"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran := make(chan string, 10)
			_, d := between(t, answering(func(*peerConn, []byte) bool { return false }), answering(func(c *peerConn, command []byte) bool {
				if bytes.HasPrefix(command[1:], []byte("SELECT")) {
					return c.echoed(command[1:])
				}
				ran <- string(command)
				return c.send(1, peerOK)
			}))
			_, _ = d.Write(packets(c.command))
			got, err := d.row()
			if c.again {
				if err != nil {
					t.Fatalf("the client got %q, %v", got, err)
				}
				if again := <-ran; again != string(c.command) {
					t.Errorf("%q ran again", again)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "outcome is unknown") {
				t.Errorf("the client got %q, %v", got, err)
			}
			if len(ran) > 0 {
				t.Errorf("%q ran", <-ran)
			}
		})
	}
}
