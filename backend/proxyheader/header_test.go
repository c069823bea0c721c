package proxyheader

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

var (
	client4, client6 = netip.MustParseAddrPort("192.0.2.7:54321"), netip.MustParseAddrPort("[2001:db8::7]:54321")
	server4, server6 = netip.MustParseAddrPort("10.0.0.1:3306"), netip.MustParseAddrPort("[fd00::1]:3306")
)

// What is sent, in the words of the specification, and what comes of it.
func TestSent(t *testing.T) {
	none := netip.AddrPort{}
	for _, c := range []struct {
		name     string
		v        Version
		from, to netip.AddrPort
		want     string
		read     netip.AddrPort
	}{
		{"none", None, client4, server4, "", none},
		{"line, IPv4", V1, client4, server4, "PROXY TCP4 192.0.2.7 10.0.0.1 54321 3306\r\n", client4},
		{"line, IPv6", V1, client6, server6, "PROXY TCP6 2001:db8::7 fd00::1 54321 3306\r\n", client6},
		{"line, two families", V1, client4, server6, "PROXY TCP4 192.0.2.7 0.0.0.0 54321 3306\r\n", client4},
		{"line, the other way round", V1, client6, server4, "PROXY TCP6 2001:db8::7 :: 54321 3306\r\n", client6},
		{"line, to a UNIX socket", V1, client4, none, "PROXY TCP4 192.0.2.7 0.0.0.0 54321 0\r\n", client4},
		{"line, mapped", V1, netip.MustParseAddrPort("[::ffff:192.0.2.7]:54321"), server4, "PROXY TCP4 192.0.2.7 10.0.0.1 54321 3306\r\n", client4},
		{"line, zone", V1, netip.MustParseAddrPort("[fe80::7%eth0]:1"), server6, "PROXY TCP6 fe80::7 fd00::1 1 3306\r\n", netip.MustParseAddrPort("[fe80::7]:1")},
		{"line, own", V1, none, server4, "PROXY UNKNOWN\r\n", none},
		{"binary, IPv4", V2, client4, server4, signV2 + "\x21\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x0c\xea", client4},
		{"binary, IPv6", V2, client6, server6, signV2 + "\x21\x21\x00\x24" + string(client6.Addr().AsSlice()) + string(server6.Addr().AsSlice()) + "\xd4\x31\x0c\xea", client6},
		{"binary, own", V2, none, server4, signV2 + "\x20\x00\x00\x00", none},
	} {
		got := Append([]byte("x"), c.v, c.from, c.to)[1:]
		if string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.v == None {
			continue
		}
		stream := append(bytes.Clone(got), "\x00behind"...)
		for n := range len(got) {
			if size, err := Size(stream[:n]); size != 0 || err != nil {
				t.Fatalf("%s: of %d bytes %d, %v", c.name, n, size, err)
			}
		}
		if size, err := Size(stream); size != len(got) || err != nil {
			t.Errorf("%s: %d, %v", c.name, size, err)
		}
		if from, err := Read(got); err != nil || from != c.read {
			t.Errorf("%s: %v, %v", c.name, from, err)
		}
	}
}

// A client on Segue's machine is not announced to others as one on theirs.
func TestAppendLoopback(t *testing.T) {
	none := netip.AddrPort{}
	for _, from := range []string{"127.0.0.1:7", "127.9.9.9:7", "[::1]:7", "[::ffff:127.0.0.1]:7"} {
		from := netip.MustParseAddrPort(from)
		same := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		for _, c := range []struct{ to, want netip.AddrPort }{
			{server4, none}, {server6, none}, {none, same}, {netip.MustParseAddrPort("127.0.0.1:3306"), same}, {netip.MustParseAddrPort("[::1]:3306"), same},
		} {
			for _, v := range []Version{V1, V2} {
				if got, err := Read(Append(nil, v, from, c.to)); err != nil || got != c.want {
					t.Errorf("%s, from %s to %s: %s, %v", v, from, c.to, got, err)
				}
			}
		}
	}
}

// What others send.
func TestRead(t *testing.T) {
	local := netip.AddrPort{}
	v2 := func(rest string) string { return signV2 + rest }
	for text, want := range map[string]netip.AddrPort{
		"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n":                        local,
		"PROXY TCP4 192.0.2.7 10.0.0.1 54321 3306\r\n":                         client4,
		v2("\x20\x11\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x0c\xea"): local, // LOCAL, addresses and all
		v2("\x20\x00\x00\x00"):                                                 local,
		v2("\x21\x00\x00\x00"):                                                 local, // HAProxy's, of a UNIX socket
		v2("\x21\x11\x00\x14\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x0c\xea\x03\x00\x05\x00\x00\x00\x00\x00"): client4, // with a checksum behind it
		v2("\x21\x31\x00\xd8" + strings.Repeat("\x00", 216)):                                                   local,   // a UNIX socket's names
		v2("\x21\x12\x00\x0c\xc0\x00\x02\x07\x0a\x00\x00\x01\xd4\x31\x0c\xea"):                                 local,   // UDP
	} {
		n, err := Size([]byte(text))
		if n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
			continue
		}
		if from, err := Read([]byte(text)); err != nil || from != want {
			t.Errorf("%q: %v, %v", text, from, err)
		}
	}
	for text, missing := range map[string]bool{
		"\x01":                                   true, // a client that speaks first
		"GET / HTTP/1.1\r\n":                     true,
		"PROXI":                                  true,
		"\r\n\r\n\x00\r\nQUIX":                   true,
		"PROXYX TCP4 1.1.1.1 2.2.2.2 1":          true,
		"PROXY \n":                               false,
		"PROXY TCP4\r\n":                         false,
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n":       false,
		"PROXY TCP4 ::1 ::2 1 2\r\n":             false,
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n": false,
		"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n":   false,
		"PROXY " + strings.Repeat("x", 102):      false,
		v2("\x21\x11\x10\x00"):                   false, // longer than anybody means it
		v2("\x31\x11\x00\x00"):                   false,
		v2("\x21\x11\x00\x04\x01\x02\x03\x04"):   false,
		v2("\x21\x13\x00\x0c" + "123456789012"):  false,
	} {
		n, err := Size([]byte(text))
		if err == nil && n > 0 {
			_, err = Read([]byte(text)[:n])
		}
		if err == nil || errors.Is(err, ErrMissing) != missing {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}

func TestNetworks(t *testing.T) {
	n := Networks{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "fd00::1": true, "fe80::1%eth0": false} {
		if n.Has(netip.MustParseAddr(text)) != want {
			t.Error(text)
		}
	}
	if n.Has(netip.Addr{}) || !(Networks{Unix: true}).Has(netip.Addr{}) || (Networks{}).Has(netip.MustParseAddr("127.0.0.1")) {
		t.Error("UNIX sockets")
	}
}

// Whatever is sent, the size is that of what has been seen, does not change with more of it, and what is wanted of it is bounded.
func FuzzHeader(f *testing.F) {
	for _, v := range []Version{V1, V2} {
		f.Add(Append(nil, v, client4, server4), 3)
		f.Add(Append(nil, v, client6, server6), 20)
		f.Add(Append(nil, v, netip.AddrPort{}, server4), 0)
	}
	f.Add([]byte("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n"), 7)
	f.Add([]byte(signV2+"\x21\x31\xff\xff"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		n, err := Size(b)
		if n < 0 || n > len(b) || n > maxSize || n == 0 && err == nil && len(b) >= maxSize || n > 0 && err != nil {
			t.Fatalf("%d, %v of %d bytes", n, err, len(b))
		}
		part := b[:min(max(cut, 0), len(b))]
		switch early, earlyErr := Size(part); {
		case early != 0 && early != n, earlyErr != nil && (err == nil || earlyErr.Error() != err.Error()), earlyErr == nil && early == 0 && n > 0 && len(part) >= n:
			t.Fatalf("of %d bytes %d, %v; of all %d, %v", len(part), early, earlyErr, n, err)
		}
		if n == 0 {
			return
		}
		from, err := Read(b[:n])
		if err != nil && from.IsValid() || from.Addr().Zone() != "" || from.Addr().Is4In6() {
			t.Fatalf("%v, %v", from, err)
		}
		if err == nil {
			for _, v := range []Version{V1, V2} {
				if again, err := Read(Append(nil, v, from, netip.AddrPort{})); err != nil || again != from {
					t.Fatalf("%v, %v; it was %v", again, err, from)
				}
			}
		}
	})
}
