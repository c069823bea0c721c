package proxy

import (
	"bytes"
	"strings"
	"testing"

	"segue/backend/client"
	"segue/backend/wire"
)

// What an account requires of its clients holds for one that becomes it in mid-session, however that is said.
func TestChangeUserMeetsRequirements(t *testing.T) {
	options := Options{Users: []User{{Name: "alice", Requires: client.Requirement{TLS: true}}}}
	change := func(name string, more ...byte) []byte {
		m := wire.ChangeUser{Username: name, AuthResponse: bytes.Repeat([]byte{1}, 20), Charset: 33, AuthPlugin: wire.PluginNativePassword}
		return append(m.Append(nil, peerCaps), more...)
	}
	for name, c := range map[string]struct {
		payload []byte
		refused string
	}{
		"alice":           {change("alice"), "for connections on TLS alone"},
		"in quotes":       {change("'alice'"), "for connections on TLS alone"},
		"padded":          {change("alice", make([]byte, 90<<10)...), ""},
		"malformed":       {append([]byte{byte(wire.ComChangeUser)}, "alice"...), ""},
		"another charset": {change("\xe5lice"), "character set"},
		"somebody else":   {change("bob"), "-"},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan []byte, 1)
			p := start(t, options, newPeer(t, func(c *peerConn) {
				c.greet("ABCDEFGHIJKLMNOPQRST")
				if _, err := c.next(1); err != nil || !c.send(2, peerOK) {
					return
				}
				for {
					payload, err := c.next(0)
					if err != nil {
						return
					}
					if payload[0] == byte(wire.ComChangeUser) {
						heard <- payload
						c.send(1, peerOK)
					}
				}
			}).spec("a"))
			d := p.dial()
			if err := d.login("pw"); err != nil {
				t.Fatal(err)
			}
			d.write(0, c.payload)
			answer, err := d.next(1)
			if c.refused == "-" {
				if err != nil || answer[0] != 0 || len(heard) != 1 {
					t.Errorf("%q, %v", answer, err)
				}
				return
			}
			if err == nil && !wire.IsErr(answer) || !strings.Contains(string(answer), c.refused) || len(heard) > 0 {
				t.Errorf("%q, %v; %d reached the backend", answer, err, len(heard))
			}
		})
	}
}

// A session that cannot be read any more could hide such a login, and ends.
func TestUnreadSessionsEndWhereAccountsRequire(t *testing.T) {
	p := start(t, Options{Users: []User{{Name: "alice", Requires: client.Requirement{TLS: true}}}}, newPeer(t, func(c *peerConn) {
		c.greet("ABCDEFGHIJKLMNOPQRST")
		if _, err := c.next(1); err != nil || !c.send(2, peerOK) {
			return
		}
		if _, err := c.next(0); err != nil || !c.send(1, append([]byte{0}, make([]byte, 40)...)) { // an event of the binary log
			return
		}
		if payload, err := c.next(0); err == nil && payload[0] != byte(wire.ComQuit) {
			t.Errorf("what cannot be read is passed on: %x", payload)
		}
	}).spec("a"))
	d := p.dial()
	if err := d.login("pw"); err != nil {
		t.Fatal(err)
	}
	d.write(0, []byte{byte(wire.ComBinlogDump), 4, 0, 0, 0, 0, 0, 1, 0, 0, 0})
	if answer, err := d.next(1); err == nil && !wire.IsErr(answer) {
		t.Errorf("%q", answer)
	}
	d.write(0, []byte("\x11alice\x00"))
}
