package proxy

import (
	"io"
	"strings"
	"testing"
	"time"

	"segue/backend/wire"
)

// A session that somebody has killed on its server, as the server says, ends. One of which no more is known than that its connection has ended goes on.
func TestKilledOutside(t *testing.T) {
	killed := &wire.Err{Code: codeConnectionKilled, State: "70100", Message: "Connection was killed"}
	cut := &wire.Err{Code: codeInterrupted, State: "70100", Message: "Query execution was interrupted"}
	for name, tt := range map[string]struct {
		says  *wire.Err
		asked bool          // it says so in place of an answer
		rests time.Duration // until it closes the connection
		ends  bool
	}{
		"idle, killed":                     {killed, false, 0, true},
		"idle, without a word":             {nil, false, 0, false},
		"in place of an answer, killed":    {killed, true, 0, true},
		"in place of an answer, cut off":   {cut, true, 0, true},
		"a while behind what was cut off":  {cut, true, interruptedGrace + 300*time.Millisecond, false},
		"killed, and not closed by itself": {killed, true, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			speak, enough := make(chan struct{}), make(chan struct{})
			p, d := between(t, func(c *peerConn) {
				if !c.login() {
					return
				}
				seq := uint8(0)
				if tt.asked {
					_, _, _ = c.r.Next()
					seq = 1
				} else {
					<-speak
				}
				if tt.says != nil && !c.send(seq, tt.says.Append(nil)) {
					return
				}
				select {
				case <-time.After(tt.rests):
				case <-enough:
				}
			}, echo)
			defer close(enough)
			p.only()
			close(speak)
			if tt.asked {
				d.query("SELECT SLEEP(9)")
				if got, err := d.row(); err == nil || !strings.Contains(err.Error(), tt.says.Message) {
					t.Fatalf("the client got %q, %v", got, err)
				}
			}
			if !tt.ends {
				p.onB()
				d.ask("SELECT 1")
				return
			}
			p.waitSessions(0)
			want, _ := wire.AppendPacket(nil, 0, killed.Append(nil)) // as it would be told directly
			if tt.asked {
				want = nil
			}
			if got, err := io.ReadAll(d); string(got) != string(want) || err != nil {
				t.Errorf("the client gets %q, %v", got, err)
			}
		})
	}
}
