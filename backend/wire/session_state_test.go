package wire

import (
	"bytes"
	"testing"
)

func TestWithoutSessionState(t *testing.T) {
	long := string(bytes.Repeat([]byte{'x'}, 300))
	for _, c := range []struct{ name, with, without string }{
		{"no flag", "00 00 00 0200 0000", "00 00 00 0200 0000"},
		{"no flag, with a text", "00 01 00 0200 0000 03 616263", "00 01 00 0200 0000 03 616263"},
		{"a database [MariaDB 10.11]", "00 00 00 0240 0000 00 04 01020164", "00 00 00 0200 0000"},
		{"a prepared statement [MariaDB 10.11]", "00 00 00 0240 0000 03 616263 03 020131", "00 00 00 0200 0000 03 616263"},
		{"behind rows", "fe 00 00 0240 0100 00 03 020131", "fe 00 00 0200 0100"},
		{"large numbers", "00 fc2c01 fd010203 2b60 0700 00 03 020131", "00 fc2c01 fd010203 2b20 0700"},
		{"the flag alone", "00 00 00 0240 0000", "00 00 00 0200 0000"},
		{"a text alone", "00 00 00 0240 0000 01 61", "00 00 00 0200 0000 01 61"},
		{"cut off", "00 00 00 0240 0000 00 04 010201", "00 00 00 0240 0000 00 04 010201"},
		{"more than there should be", "00 00 00 0240 0000 00 01 01 00", "00 00 00 0200 0000"},
		{"no text", "00 00 00 0240 0000 ff", "00 00 00 0240 0000 ff"},
		{"no flags", "00 00 00 02", "00 00 00 02"},
		{"no number", "00 fc 00", "00 fc 00"},
	} {
		b := fromHex(c.with)
		if b = b[:WithoutSessionState(b)]; !bytes.Equal(b, fromHex(c.without)) {
			t.Errorf("%s: %x, want %s", c.name, b, c.without)
		}
	}
	m := OK{Status: StatusSessionStateChanged | StatusAutocommit, Info: []byte(long), SessionState: []byte(long)}
	b := m.Append(nil, ClientProtocol41|ClientSessionTrack)
	m.Status, m.SessionState = StatusAutocommit, nil
	if b = b[:WithoutSessionState(b)]; !bytes.Equal(b, m.Append(nil, ClientProtocol41|ClientSessionTrack)) {
		t.Errorf("a long text: %x", b)
	}
}

func TestEOFWithoutSessionState(t *testing.T) {
	for _, c := range []struct {
		with, without string
		had           bool
	}{{"fe 0000 0240", "fe 0000 0200", true}, {"fe 0000 0220", "fe 0000 0220", false}, {"fe", "fe", false}} {
		b := fromHex(c.with)
		if had := EOFWithoutSessionState(b); had != c.had || !bytes.Equal(b, fromHex(c.without)) {
			t.Errorf("%s: %x, %v", c.with, b, had)
		}
	}
}

// FuzzWithoutSessionState: what a client without CLIENT_SESSION_TRACK reads of the rest is what one with it reads of the whole, but for the
// state; and nothing that is not its own is touched.
func FuzzWithoutSessionState(f *testing.F) {
	f.Add(fromHex("00 00 00 0240 0000 00 04 01020164"))
	f.Add(fromHex("00 01 00 0200 0000 03 616263"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		const caps = ClientProtocol41 | ClientSessionTrack
		var was, is, again OK
		broken := was.Decode(payload, caps) != nil
		b := append(bytes.Clone(payload), 0xa5)
		n := WithoutSessionState(b[:len(payload)])
		if b[len(payload)] != 0xa5 || n > len(payload) {
			t.Fatalf("%x: %d bytes, %x", payload, n, b)
		}
		if broken {
			return
		}
		b = b[:n]
		if err := is.Decode(b, caps); err != nil {
			t.Fatalf("%x became %x: %v", payload, b, err)
		}
		was.Status, was.SessionState = was.Status&^StatusSessionStateChanged, nil
		if !bytes.Equal(is.Append(nil, caps), was.Append(nil, caps)) {
			t.Fatalf("%x became %x: %+v, want %+v", payload, b, is, was)
		}
		if err := again.Decode(b, ClientProtocol41); err != nil || again.AffectedRows != was.AffectedRows || again.Status != was.Status || again.Warnings != was.Warnings {
			t.Fatalf("%x became %x: without the capability %+v, %v", payload, b, again, err)
		}
	})
}
