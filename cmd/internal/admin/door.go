package admin

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// door is one listener that the API answers on.
type door struct {
	h       *Handler
	local   bool // this machine alone reaches it
	file    bool // it is a file: who may open that may connect, and no browser can
	private bool // it is for the Segue that has taken over from this one
	open    *semaphore
	telling *semaphore // histories
}

// IsLocal tells whether this machine alone reaches an address.
func IsLocal(addr net.Addr) bool { return addr.Network() == "unix" || isLoopback(addr) }

func (h *Handler) doorOf(ln net.Listener, private bool) door {
	file := ln.Addr().Network() == "unix"
	return door{h: h, local: IsLocal(ln.Addr()), file: file, private: private, open: newSemaphore(max(1, h.connections()/2)), telling: newSemaphore(mostHistories)}
}

func isLoopback(addr net.Addr) bool {
	bound, err := netip.ParseAddrPort(addr.String())
	return err == nil && bound.Addr().IsLoopback()
}

// changes answers a request that changes something, unless that is another Segue's business by now.
func (d door) changes(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.h.change(d.private, func() { do(w, r) }) {
			refuse(w, http.StatusServiceUnavailable, "another Segue has taken over just now; ask again")
		}
	}
}

// streams answers a request whose answer does not end, unless there are enough of them.
func (d door) streams(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.open.take() {
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusServiceUnavailable, "there are as many readers of events as there may be")
			return
		}
		defer d.open.give()
		do(w, r)
	}
}

// semaphore is for as many at a time as it was made for.
type semaphore struct{ places chan struct{} }

func newSemaphore(n int) *semaphore { return &semaphore{make(chan struct{}, n)} }

// take takes a place, if there is one.
func (s *semaphore) take() bool {
	select {
	case s.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// await takes a place as soon as there is one; false: ctx was done before.
func (s *semaphore) await(ctx context.Context) bool {
	select {
	case s.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *semaphore) give() { <-s.places }
