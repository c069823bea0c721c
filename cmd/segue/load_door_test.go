package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/backend/proxyheader"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

// loadDoorOf opens a door.
func loadDoorOf(t *testing.T, network, address string, e loadEntry) *loadDoor {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	d := newLoadDoor(ln, func() loadEntry { return e })
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// entered connects, says something, and gives both ends once the door has let it in.
func entered(t *testing.T, d *loadDoor, say func(net.Conn) net.Conn) (client, inside net.Conn) {
	t.Helper()
	conn, err := net.Dial(d.Addr().Network(), d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	said := make(chan net.Conn, 1)
	go func() { said <- say(conn) }()
	if inside, err = d.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inside.Close() })
	_ = inside.SetDeadline(time.Now().Add(30 * time.Second))
	return <-said, inside
}

func says(text string) func(net.Conn) net.Conn {
	return func(c net.Conn) net.Conn { _, _ = io.WriteString(c, text); return c }
}

func firstLine(t *testing.T, c net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

const asked = "GET / HTTP/1.1\r\n"

func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	pair := securetest.New(t, "test").Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}})
	s, err := secure.NewServer(secure.ServerOptions{Certificate: pair.Cert, Key: pair.Key})
	if err != nil {
		t.Fatal(err)
	}
	return s.Config()
}

func onTLS(c net.Conn) net.Conn {
	s := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	_, _ = io.WriteString(s, asked)
	return s
}

// Where nothing is to be agreed on, what comes out is the socket itself, and nobody waits for a byte of it.
func TestLoadDoorPlain(t *testing.T) {
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{patience: time.Minute})
	_, inside := entered(t, d, func(c net.Conn) net.Conn { return c })
	if _, ok := inside.(*net.TCPConn); !ok {
		t.Errorf("it is a %T", inside)
	}
}

// TLS and plain HTTP are told from one another by the first byte, which is not lost.
func TestLoadDoorTellsTLSFromPlain(t *testing.T) {
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{tls: serverTLS(t), patience: time.Minute})
	_, inside := entered(t, d, says(asked))
	if _, ok := inside.(*net.TCPConn); !ok || firstLine(t, inside) != "GET / HTTP/1.1" {
		t.Errorf("plain: it is a %T", inside)
	}
	_, inside = entered(t, d, onTLS)
	if _, ok := inside.(*tls.Conn); !ok || firstLine(t, inside) != "GET / HTTP/1.1" {
		t.Errorf("on TLS: it is a %T", inside)
	}
}

// Where TLS is required, who speaks without is told so, but on this machine's own sockets.
func TestLoadDoorRequiresTLS(t *testing.T) {
	e := loadEntry{tls: serverTLS(t), required: true, patience: time.Minute}
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", e)
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, asked)
	_, inside := entered(t, d, onTLS) // the one before it is nobody's
	if _, ok := inside.(*tls.Conn); !ok {
		t.Errorf("it is a %T", inside)
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	answer, _ := io.ReadAll(conn)
	if text := string(answer); !strings.HasPrefix(text, "HTTP/1.1 400 ") || !strings.HasSuffix(text, "use https\n") {
		t.Errorf("it is told %q", text)
	}
	u := loadDoorOf(t, "unix", filepath.Join(t.TempDir(), "s"), e)
	if _, inside = entered(t, u, says(asked)); firstLine(t, inside) != "GET / HTTP/1.1" {
		t.Error("not by a UNIX socket")
	}
}

// A proxy says by a header whose connection it brings; who has none of its networks is taken for itself, and who says none is not let in.
func TestLoadDoorBehindProxies(t *testing.T) {
	e := loadEntry{patience: time.Minute, tls: serverTLS(t), proxied: proxyheader.Networks{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", e)
	from, to := netip.MustParseAddrPort("192.0.2.1:5"), netip.MustParseAddrPort("192.0.2.2:6")
	for _, version := range []proxyheader.Version{proxyheader.V1, proxyheader.V2} {
		header := string(proxyheader.Append(nil, version, from, to))
		_, inside := entered(t, d, says(header+asked))
		if inside.RemoteAddr().String() != from.String() || firstLine(t, inside) != "GET / HTTP/1.1" {
			t.Errorf("%v: from %s", version, inside.RemoteAddr())
		}
		if _, ok := inside.(interface{ Unwrap() net.Conn }).Unwrap().(*net.TCPConn); !ok {
			t.Errorf("%v: it is a %T, and the socket is not to be had", version, inside)
		}
		_, inside = entered(t, d, func(c net.Conn) net.Conn { _, _ = io.WriteString(c, header); return onTLS(c) })
		if inside.RemoteAddr().String() != from.String() || firstLine(t, inside) != "GET / HTTP/1.1" {
			t.Errorf("%v on TLS: from %s", version, inside.RemoteAddr())
		}
		below := inside.(*tls.Conn).NetConn()
		if err := below.(interface{ SetLinger(int) error }).SetLinger(0); err != nil {
			t.Errorf("%v on TLS: it cannot be reset: %v", version, err)
		}
		if err := below.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("%v on TLS: it cannot be half closed: %v", version, err)
		}
	}
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, asked)
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || errors.Is(err, nil) {
		t.Errorf("without a header: %d bytes, %v", n, err)
	}
}

// Who says nothing keeps nobody else out, and is sent away.
func TestLoadDoorSilence(t *testing.T) {
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{})
	said := serverTLS(t)
	var patience atomic.Int64
	d.entry = func() loadEntry { return loadEntry{tls: said, patience: time.Duration(patience.Load())} }
	var heard atomic.Value
	d.refused = func(_ net.Addr, cause error) { heard.Store(cause.Error()) }
	patience.Store(int64(time.Second))
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first := make(chan net.Conn, 1)
	go func() { c, _ := d.Accept(); first <- c }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	patience.Store(int64(time.Minute)) // a machine may stand still
	second, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_, _ = io.WriteString(second, asked)
	inside := <-first
	defer inside.Close()
	if inside.RemoteAddr().String() != second.LocalAddr().String() {
		t.Errorf("%s was let in", inside.RemoteAddr())
	}
	eventually(t, "word of who was not let in", func() bool { return heard.Load() != nil })
}

// A closed door gives nobody, whoever has closed it.
func TestLoadDoorCloses(t *testing.T) {
	for name, shut := range map[string]func(*loadDoor){"itself": func(d *loadDoor) { _ = d.Close() }, "its socket": func(d *loadDoor) { _ = d.Listener.Close() }} {
		d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{})
		ended := make(chan error, 1)
		go func() { _, err := d.Accept(); ended <- err }()
		shut(d)
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s, once more: %v", name, err)
		}
	}
}

// inDoubt waits until so many are in doubt.
func (d *loadDoor) inDoubt(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d.mu.Lock()
		now := d.doubtful.Len()
		d.mu.Unlock()
		if now == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d are in doubt, not %d", now, n)
		}
	}
}

// silent connects, and says nothing yet.
func (d *loadDoor) silent(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// accepting begins to accept one.
func (d *loadDoor) accepting() <-chan come {
	one := make(chan come, 1)
	go func() {
		conn, err := d.Accept()
		one <- come{conn, err}
	}()
	return one
}

// Whoever has come before a door is closed is given behind that, once he has said what he speaks: he knows of no upgrade. Closed once more the door ends at once.
func TestLoadDoorGivesWhoHasCome(t *testing.T) {
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{tls: serverTLS(t), patience: time.Minute})
	next := d.accepting()
	conn, other := d.silent(t), d.silent(t)
	d.inDoubt(t, 2)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", d.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it listens")
	}
	_, _ = io.WriteString(conn, asked)
	c := <-next
	if c.err != nil {
		t.Fatal(c.err)
	}
	defer c.conn.Close()
	if got := firstLine(t, c.conn); got != "GET / HTTP/1.1" {
		t.Error(got)
	}
	next = d.accepting()
	_ = d.Close()
	if c := <-next; !errors.Is(c.err, net.ErrClosed) {
		t.Error(c.err)
	}
	if _, err := other.Read(make([]byte, 1)); err == nil {
		t.Error("one who has said nothing is held")
	}
}

// Where too many are silent the oldest of them goes, and nobody waits outside.
func TestLoadDoorTooManySilent(t *testing.T) {
	d := loadDoorOf(t, "tcp", "127.0.0.1:0", loadEntry{tls: serverTLS(t), patience: time.Minute})
	d.most = 2
	next := d.accepting()
	first := d.silent(t)
	d.inDoubt(t, 1)
	d.silent(t)
	d.inDoubt(t, 2)
	_, _ = io.WriteString(d.silent(t), asked)
	c := <-next
	if c.err != nil {
		t.Fatal(c.err)
	}
	_ = c.conn.Close()
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the oldest is held:", err)
	}
}
