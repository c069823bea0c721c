package wire

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Attributes stand in front of a client's own, of which those by the same prefix are left out, and are added to none that could not take them.
func TestLeadAttributes(t *testing.T) {
	const caps = ClientProtocol41 | ClientSecureConnection | ClientPluginAuth | ClientConnectAttrs
	own := AppendLenencString(AppendLenencString(nil, "_client_name"), "libmysql")
	more := []Attribute{{"segue_client", "192.0.2.7:1"}, {"segue_session", "2000000001"}}
	lead := []byte("\x0csegue_client\x0b192.0.2.7:1\x0dsegue_session\x0a2000000001")
	want := append(bytes.Clone(lead), own...)
	forged := []byte("\x0csegue_client\x01x\x06SEGUE_\x00")
	base := HandshakeResponse41{Capabilities: caps, Username: "u", AuthResponse: []byte("12345678901234567890"), AuthPlugin: PluginNativePassword}
	for _, c := range []struct {
		name   string
		change func(m *HandshakeResponse41)
		want   []byte
	}{
		{"some", func(m *HandshakeResponse41) { m.Attributes = own }, want},
		{"none yet", func(*HandshakeResponse41) {}, lead},
		{"forged", func(m *HandshakeResponse41) { m.Attributes = slices.Concat(forged, own, forged) }, want},
		{"forged, and more", func(m *HandshakeResponse41) { m.Attributes = slices.Concat(own, forged, []byte("\x03key\x09value")) }, want},
		{"a key alone", func(m *HandshakeResponse41) { m.Attributes = slices.Concat(own, []byte("\x06segue_")) }, want},
		{"not announced", func(m *HandshakeResponse41) { m.Capabilities &^= ClientConnectAttrs }, nil},
		{"no room", func(m *HandshakeResponse41) {
			m.Attributes = AppendLenencString(AppendLenencString(nil, "k"), strings.Repeat("x", maxAttributes-40))
		}, nil},
	} {
		m := base
		c.change(&m)
		var said HandshakeResponse41
		if err := said.Decode(m.Append(nil)); err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(said.Attributes)
		kept := said.Attributes
		if added := said.LeadAttributes("segue_", more...); added != (c.want != nil) {
			t.Errorf("%s: %v", c.name, added)
		}
		if !bytes.Equal(kept, before) {
			t.Errorf("%s: what others have has changed", c.name)
		}
		if c.want == nil {
			c.want = before
		}
		var heard HandshakeResponse41
		if err := heard.Decode(said.Append(nil)); err != nil || !bytes.Equal(heard.Attributes, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, heard.Attributes, err, c.want)
		}
		if heard.AuthPlugin != base.AuthPlugin || !bytes.Equal(heard.AuthResponse, base.AuthResponse) || heard.Username != base.Username {
			t.Errorf("%s: what it logs in by has changed: %+v", c.name, heard)
		}
	}
	// Without any of Segue's own there is nothing to say of them.
	m := base
	if m.Attributes = slices.Concat(forged, own); !m.LeadAttributes("segue_") || !bytes.Equal(m.Attributes, own) {
		t.Errorf("%q", m.Attributes)
	}
	// A client that announces attributes and leaves them out, as mysqlnd does, and one that leaves out its plugin too.
	for _, cut := range []int{1, 1 + len(PluginNativePassword) + 1} {
		payload := base.Append(nil)
		payload = payload[:len(payload)-cut]
		var said HandshakeResponse41
		if err := said.Decode(payload); err != nil {
			t.Fatal(err)
		}
		if said.LeadAttributes("segue_", more...) || !bytes.Equal(said.Append(nil), payload) {
			t.Errorf("without %d bytes: %q", cut, said.Append(nil))
		}
	}
}
