package main

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// A name that cannot be looked up leads where it led, but not for ever.
func TestDiscoverPlacesExpire(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	p := placed{}.next(addrs, nil, at)
	for at.Before(p.good.Add(placeOld)) {
		if len(p.addrs) != 1 || !at.Before(p.until) {
			t.Fatalf("after %s: %+v", at.Sub(p.good), p)
		}
		at = at.Add(placeKept)
		p = p.next(nil, errors.New("SERVFAIL"), at)
	}
	if len(p.addrs) != 0 || !at.Before(p.until) {
		t.Errorf("it still leads to %v", p.addrs)
	}
	if p = p.next(addrs, nil, at); len(p.addrs) != 1 || !p.good.Equal(at) {
		t.Errorf("%+v", p)
	}
}
