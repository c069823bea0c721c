package loop

import (
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// host takes connections, and closes them.
type host struct {
	loop   *Loop
	from   chan netip.AddrPort
	failed chan error
	timer  Timer
	ln     *Listener
}

func (h *host) Accepted(_ *Listener, s Socket, from netip.AddrPort) {
	s.Close()
	h.from <- from
}

func (h *host) AcceptFailed(ln *Listener, err error) {
	h.failed <- err
	h.ln = ln
	h.loop.Arm(&h.timer, h, h.loop.Now()+int64(5*time.Millisecond))
}

func (h *host) Expired(*Timer) { h.ln.Resume() }

func TestAccepted(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"tcp", "unix"} {
				l := start(t, o)
				ln := listen(t, network)
				h := &host{loop: l, from: make(chan netip.AddrPort, 200), failed: make(chan error, 200)}
				var n *Listener
				do(t, l, func() { n, _ = l.Listen(ln, h) })
				for range 3 * acceptBurst {
					nc := dialTo(t, ln.Addr())
					got := wait(t, h.from)
					if want := nc.LocalAddr().String(); network == "tcp" && got.String() != want || network == "unix" && got.IsValid() {
						t.Errorf("from %v, want %v", got, want)
					}
				}
				do(t, l, func() { n.Pause() })
				do(t, l, func() { n.Resume() })
				dialTo(t, ln.Addr())
				wait(t, h.from)
				do(t, l, func() { n.Close() })
				do(t, l, func() {
					if set := watched(t, l); len(set) > 2 {
						t.Errorf("the loop still watches %v, beside its eventfd and its timerfd", set)
					}
				})
				if o.Portable { // the goroutine may have been about to accept one more
					continue
				}
				dialTo(t, ln.Addr()) // it is ln's socket still
				accepted, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				_ = accepted.Close()
				if len(h.from) > 0 {
					t.Error("accepted by a listener that is closed")
				}
			}
		})
	}
}

// More clients at once than are accepted in a row are accepted all the same.
func TestAcceptManyAtOnce(t *testing.T) {
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			ln := listen(t, "tcp")
			h := &host{loop: l, from: make(chan netip.AddrPort, 200), failed: make(chan error, 200)}
			do(t, l, func() { _, _ = l.Listen(ln, h) })
			release := held(l)
			for range 4*acceptBurst + 3 {
				dialTo(t, ln.Addr())
			}
			release()
			for range 4*acceptBurst + 3 {
				wait(t, h.from)
			}
		})
	}
}

// When descriptors have run out the owner hears so and nothing is done until it says so; nobody who has come meanwhile is lost.
func TestOutOfDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("how many are open is not to be known here")
	}
	for name, o := range pollers() {
		t.Run(name, func(t *testing.T) {
			l := start(t, o)
			ln := listen(t, "tcp")
			h := &host{loop: l, from: make(chan netip.AddrPort, 200), failed: make(chan error, 10000)}
			do(t, l, func() { _, _ = l.Listen(ln, h) })
			nc, err := net.ListenPacket("udp", "127.0.0.1:0") // the highest descriptor
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = nc.Close() }()
			release := held(l)
			dialTo(t, ln.Addr())
			before := limitDescriptors(t)
			release()
			for range 2 {
				if err := wait(t, h.failed); err != syscall.EMFILE { //nolint:errorlint // it is never wrapped
					t.Errorf("%v", err)
				}
			}
			began, tries := time.Now(), len(h.failed)
			for range 5 {
				wait(t, h.failed)
			}
			if took := time.Since(began); took < 5*time.Millisecond && tries == 0 {
				t.Errorf("five tries in %v: a busy loop", took)
			}
			if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
				t.Fatal(err)
			}
			wait(t, h.from)
		})
	}
}

// limitDescriptors lets nobody open another.
func limitDescriptors(t *testing.T) (before syscall.Rlimit) {
	t.Helper()
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lower := before
	lower.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
	return before
}
