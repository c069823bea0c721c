// Package dialtest plays names with several addresses for tests of what dials them: a name server, and addresses that lead nowhere.
package dialtest

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Names is a name server.
type Names struct {
	mu    sync.Mutex
	known map[string][]netip.Addr // guarded by mu; by name, with a dot behind it
	asked int                     // guarded by mu
}

// Serve has the process's resolver ask a name server of the test's. Tests that use it do not run beside others.
func Serve(tb testing.TB) *Names {
	tb.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	n := &Names{known: map[string][]netip.Addr{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.answer(conn)
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	tb.Cleanup(func() {
		net.DefaultResolver = before
		_ = conn.Close()
		<-ended
	})
	return n
}

// Set gives a name, which ends with a dot, its addresses.
func (n *Names) Set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[name] = nil
	for _, a := range addresses {
		n.known[name] = append(n.known[name], netip.MustParseAddr(a))
	}
}

// Asked is how many questions have been answered.
func (n *Names) Asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *Names) answer(conn net.PacketConn) {
	b := make([]byte, 512)
	for {
		size, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		if reply := n.reply(b[:size]); reply != nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

// reply answers a question for IPv4 addresses by those that the name has, in their order, and any other by nothing.
func (n *Names) reply(question []byte) []byte {
	const header, typeA = 12, 1
	if len(question) < header {
		return nil
	}
	var name strings.Builder
	at := header
	for at < len(question) && question[at] != 0 {
		label := int(question[at])
		if at+1+label > len(question) {
			return nil
		}
		name.Write(question[at+1 : at+1+label])
		name.WriteByte('.')
		at += 1 + label
	}
	end := at + 5 // the end of the name, a type and a class
	if end > len(question) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	addresses, known := n.known[strings.ToLower(name.String())]
	if binary.BigEndian.Uint16(question[at+1:]) != typeA {
		addresses = nil
	}
	reply := append([]byte(nil), question[:end]...)
	binary.BigEndian.PutUint16(reply[2:], 0x8180)
	if !known {
		binary.BigEndian.PutUint16(reply[2:], 0x8183) // there is no such name
	}
	binary.BigEndian.PutUint16(reply[6:], uint16(len(addresses)))
	binary.BigEndian.PutUint32(reply[8:], 0)
	for _, a := range addresses {
		reply = append(reply, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4) // the name above, an IPv4 address, for a second
		reply = append(reply, a.AsSlice()...)
	}
	return reply
}
