package dial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func addresses(text string) (list []netip.Addr) {
	for word := range strings.FieldsSeq(text) {
		list = append(list, netip.MustParseAddr(word))
	}
	return list
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ name, looked, last, want string }{
		{"one", "10.0.0.1", "", "10.0.0.1"},
		{"as they come", "10.0.0.2 10.0.0.1 10.0.0.3", "", "10.0.0.2 10.0.0.1 10.0.0.3"},
		{"the one that worked comes first", "10.0.0.2 10.0.0.1 10.0.0.3", "10.0.0.3", "10.0.0.3 10.0.0.2 10.0.0.1"},
		{"unless the name has lost it", "10.0.0.2 10.0.0.1", "10.0.0.3", "10.0.0.2 10.0.0.1"},
		{"families take turns", "fd00::1 fd00::2 fd00::3 10.0.0.1 10.0.0.2", "", "fd00::1 10.0.0.1 fd00::2 10.0.0.2 fd00::3"},
		{"families take turns, the other first", "10.0.0.1 10.0.0.2 fd00::1", "", "10.0.0.1 fd00::1 10.0.0.2"},
		{"behind the one that worked comes the other family", "fd00::1 fd00::2 10.0.0.1 10.0.0.2", "fd00::2", "fd00::2 10.0.0.1 fd00::1 10.0.0.2"},
		{"… either way", "fd00::1 fd00::2 10.0.0.1 10.0.0.2", "10.0.0.2", "10.0.0.2 fd00::1 10.0.0.1 fd00::2"},
		{"twice, and mapped", "10.0.0.1 ::ffff:10.0.0.1 10.0.0.2", "", "10.0.0.1 10.0.0.2"},
	} {
		var last netip.Addr
		if c.last != "" {
			last = netip.MustParseAddr(c.last)
		}
		if got := Order(addresses(c.looked), last); !slices.Equal(got, addresses(c.want)) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

// A race dials every address once, no earlier than Delay behind the one before unless one has failed, and is lost when all have failed and not before.
func TestRace(t *testing.T) {
	for seed := range uint64(2000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		var addrs []netip.Addr
		for i := range 1 + dice.IntN(5) {
			addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
		}
		r := NewRace(addrs, addrs[dice.IntN(len(addrs))])
		now, last, failedAt := time.Duration(dice.IntN(1000)), -Delay, time.Duration(-1)
		begun, failed := map[netip.Addr]bool{}, 0
		for failed < len(addrs) {
			if to, ok := r.Next(now); ok {
				if begun[to] || len(begun) > failed && now-last < Delay && failedAt < last {
					t.Fatalf("seed %d: %v at %s, behind one at %s", seed, to, now, last)
				}
				begun[to], last = true, now
				continue
			}
			at, more := r.Due()
			if more != (len(begun) < len(addrs)) || more && at <= now {
				t.Fatalf("seed %d: the next is due at %s, %v, at %s", seed, at, more, now)
			}
			if !more || dice.IntN(2) == 0 {
				now += time.Duration(dice.Int64N(int64(Delay)))
				failed, failedAt = failed+1, now
				if lost := r.Failed(now, fmt.Errorf("%d", failed)); lost != (failed == len(addrs)) {
					t.Fatalf("seed %d: lost %v with %d of %d", seed, lost, failed, len(addrs))
				}
				if failed == len(begun) || failed == len(addrs) {
					continue
				}
			}
			now = max(now, at)
		}
		if r.Err() == nil || r.Err().Error() != "1" {
			t.Fatalf("seed %d: %v", seed, r.Err())
		}
	}
}

// played is a network in virtual time: what each address does, and after how long.
type played map[string]struct {
	after time.Duration // 0 and no error: it never answers
	err   error
}

func (p played) connect(ctx context.Context, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	what := p[host]
	var due <-chan time.Time
	if what.after > 0 || what.err != nil {
		due = time.After(what.after)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-due:
	}
	if what.err != nil {
		return nil, what.err
	}
	here, there := net.Pipe()
	_ = there.Close()
	return named{here, host}, nil
}

type named struct {
	net.Conn
	host string
}

func TestDial(t *testing.T) {
	refused := errors.New("refused")
	const never = time.Duration(0)
	for _, c := range []struct {
		name    string
		looked  string
		last    string
		network played
		want    string // the address; or the error
		took    time.Duration
	}{
		{"the first answers", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: 5 * time.Millisecond}}, "10.0.0.1", 5 * time.Millisecond},
		{"the first leads nowhere", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: never}, "10.0.0.2": {after: time.Millisecond}}, "10.0.0.2", Delay + time.Millisecond},
		{"the first two do", "10.0.0.1 10.0.0.2 10.0.0.3", "", played{"10.0.0.3": {after: time.Millisecond}}, "10.0.0.3", 2*Delay + time.Millisecond},
		{"and what worked before comes first", "10.0.0.1 10.0.0.2", "10.0.0.2", played{"10.0.0.2": {after: time.Millisecond}}, "10.0.0.2", time.Millisecond},
		{"what worked before does no more", "10.0.0.1 10.0.0.2", "10.0.0.2", played{"10.0.0.1": {after: time.Millisecond}}, "10.0.0.1", Delay + time.Millisecond},
		{"the first refuses", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: time.Millisecond, err: refused}, "10.0.0.2": {after: time.Millisecond}}, "10.0.0.2", 2 * time.Millisecond},
		{"a slow one is not given up", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: 300 * time.Millisecond}, "10.0.0.2": {after: 100 * time.Millisecond}}, "10.0.0.1", 300 * time.Millisecond},
		{"all refuse", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: time.Millisecond, err: refused}, "10.0.0.2": {after: time.Millisecond, err: errors.New("too")}}, "refused", 2 * time.Millisecond},
		{"none answers", "10.0.0.1 10.0.0.2", "", played{}, "context deadline exceeded", time.Second},
		{"one refuses, one does not answer", "10.0.0.1 10.0.0.2", "", played{"10.0.0.1": {after: time.Millisecond, err: refused}}, "refused", time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				var m Memory
				if c.last != "" {
					m.Worked(netip.MustParseAddr(c.last))
				}
				d := Dialer{Connect: c.network.connect, Lookup: func(context.Context, string) ([]netip.Addr, error) { return addresses(c.looked), nil }}
				began := time.Now()
				conn, err := d.Dial(ctx, "db.test:9030", &m)
				got := fmt.Sprint(err)
				if err == nil {
					got = conn.(named).host
					_ = conn.Close()
					if m.Last().String() != got {
						t.Errorf("%s is remembered", m.Last())
					}
				}
				if got != c.want || time.Since(began) != c.took {
					t.Errorf("%s after %s, want %s after %s", got, time.Since(began), c.want, c.took)
				}
			})
		})
	}
}

// An address is dialed as it is, and a name that cannot be looked up is an error.
func TestDialWithoutAName(t *testing.T) {
	var asked []string
	d := Dialer{
		Connect: func(_ context.Context, address string) (net.Conn, error) {
			asked = append(asked, address)
			return nil, nil
		},
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Name: host, Err: "no such host"}
		},
	}
	for _, address := range []string{"10.0.0.1:1", "[fd00::1]:1", "[fe80::1%lo]:1"} {
		if _, err := d.Dial(t.Context(), address, new(Memory)); err != nil || asked[len(asked)-1] != address {
			t.Errorf("%s: %v, %q", address, err, asked)
		}
	}
	if _, err := d.Dial(t.Context(), "db.test:1", new(Memory)); err == nil || !strings.Contains(err.Error(), "no such host") || len(asked) != 3 {
		t.Errorf("%v, %q", err, asked)
	}
}

// A UNIX socket is dialed as it is.
func TestDialUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := Dialer{}.Dial(t.Context(), "unix:"+path, new(Memory))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.RemoteAddr(); got.Network() != "unix" || got.String() != path {
		t.Errorf("%s %s", got.Network(), got)
	}
	if _, err := (Dialer{}).Dial(t.Context(), "unix:"+path+".none", new(Memory)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A UNIX socket whose queue is full is waited for.
func TestDialFullUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*fullPause)
	defer cancel()
	if _, err := (Dialer{}).Dial(ctx, "unix:"+path, new(Memory)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while nobody accepts: %v", err)
	}
	dialed := make(chan error)
	go func() {
		conn, err := Dialer{}.Dial(t.Context(), "unix:"+path, new(Memory))
		if err == nil {
			_ = conn.Close()
		}
		dialed <- err
	}()
	taken, _, err := syscall.Accept(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(taken)
	if err := <-dialed; err != nil {
		t.Error(err)
	}
}
