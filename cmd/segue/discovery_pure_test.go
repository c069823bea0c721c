package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/file"
	"segue/backend/discover/nodes"
	"segue/config"
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

// The list never becomes empty: who is named no more is forgotten only if another one is up, however dead it is.
func TestDiscoverForgettable(t *testing.T) {
	r := backend.NewRegistry(backend.Options{})
	r.Apply([]backend.Spec{{Name: "old", Address: "a:1"}, {Name: "older", Address: "b:1"}, {Name: "new", Address: "c:1"}})
	old, older, fresh := r.Backends()[0], r.Backends()[1], r.Backends()[2]
	d := &discovery{registry: r, gone: map[string]bool{"old": true, "older": true}}
	for _, tt := range []struct {
		old, older, fresh backend.Health
		want              bool
	}{
		{backend.Down, backend.Down, backend.Down, false},
		{backend.Down, backend.Down, backend.Stopping, false},
		{backend.Down, backend.Up, backend.Down, false},
		{backend.Down, backend.Down, backend.Up, true},
		{backend.Up, backend.Up, backend.Up, true},
	} {
		r.SetHealth(old, tt.old, "")
		r.SetHealth(older, tt.older, "")
		r.SetHealth(fresh, tt.fresh, "")
		if got := d.forgettable(old, time.Now()); got != tt.want {
			t.Errorf("%s, beside %s and %s: %t", tt.old, tt.older, tt.fresh, got)
		}
	}
}

// Names are looked up when it has been long, and all at once when an address is new.
func TestDiscoverPlacesAgain(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := backend.NewRegistry(backend.Options{})
	r.Apply([]backend.Spec{{Name: "x", Address: "10.0.0.7:1"}, {Name: "y", Address: "fe-2:1"}})
	d := &discovery{registry: r, config: &config.Config{Backends: []backend.Spec{{Address: "seed:1"}, {Address: "unix:/x"}}}, places: map[string]placed{
		"fe-0": {addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, until: now.Add(time.Second)},
		"fe-2": {until: now.Add(time.Second)},
		"seed": {until: now.Add(2 * time.Second)},
	}}
	for _, tt := range []struct {
		found string
		after time.Duration
		want  string
	}{
		{"FE-0:1 10.0.0.1:1 10.0.0.7:1", 0, ""},
		{"FE-0:1 fe-1:1 10.0.0.1:1", 0, "fe-1"},
		{"fe-0:1 10.0.0.1:1", time.Second, "fe-0 fe-2"},
		{"fe-0:1 10.0.0.2:1", 0, "fe-0 seed fe-2"},
		{"[::ffff:10.0.0.1]:1", 0, ""},
	} {
		var found []discover.Found
		for address := range strings.FieldsSeq(tt.found) {
			found = append(found, discover.Found{Node: nodes.Node{Address: address}})
		}
		if got := strings.Join(d.unplacedLocked(found, now.Add(tt.after)), " "); got != tt.want {
			t.Errorf("%s after %s: %q; want %q", tt.found, tt.after, got, tt.want)
		}
	}
}

// Of a seed, the health URL that is written out holds, and else what the node says of itself: another one's guess does not.
func TestDiscoverHealthOfSeeds(t *testing.T) {
	c, err := config.Load(configFile(t, "backends: [{address: 'fe-1:9030', health: 'http://fe-1:8030/api/health'}, fe-2:9030]\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := &discovery{config: c}
	for _, tt := range []struct {
		seed    int
		http    string
		guessed bool
		want    string
	}{
		{0, "fe-1:18030", false, "fe-1:8030"},
		{1, "fe-2:18030", true, "fe-2:8030"},
		{1, "fe-2:18030", false, "fe-2:18030"},
		{1, "", false, "fe-2:8030"},
	} {
		s := c.Backends[tt.seed]
		e := discover.Entry{Node: nodes.Node{Name: s.Name, Address: s.Address, HTTP: tt.http, HTTPGuessed: tt.guessed}, Seed: true}
		if got := d.specOf(&e).HealthURL; !strings.Contains(got, "//"+tt.want+"/") {
			t.Errorf("%s, %q: %s", s.Address, tt.http, got)
		}
	}
}

// What is found is no backend where it cannot be one, or is Segue itself.
func TestDiscoverUnfit(t *testing.T) {
	d := &discovery{
		registry: backend.NewRegistry(backend.Options{}),
		config: &config.Config{
			Listen: []config.Listen{{Address: "127.0.0.1:9030"}, {Address: "unix:/run/x"}, {Address: "[::]:9031"}, {Address: "localhost:9032"}}, Admin: "10.0.0.1:9131",
		},
		places: map[string]placed{"me": {addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}, "here": {addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}},
	}
	own := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1")}
	for _, tt := range []struct {
		address string
		local   bool
		want    string
	}{
		{"10.0.0.2:9030", false, ""},
		{"fe-1:9030", false, ""},
		{"127.0.0.2:9030", true, ""},
		{"127.0.0.2:9030", false, "own machine"},
		{"127.0.0.1:9030", true, "itself"},
		{"[::ffff:127.0.0.1]:9030", true, "itself"},
		{"me:9030", true, "itself"},
		{"localhost:9032", true, "itself"},
		{"10.0.0.1:9030", false, ""},
		{"10.0.0.1:9031", false, "itself"},
		{"here:9131", false, "itself"},
		{"127.0.0.3:9031", true, "itself"},
		{"0.0.0.0:9030", true, "nobody"},
		{"[::]:9030", true, "nobody"},
		{"224.0.0.1:9030", true, "nobody"},
		{"169.254.0.9:9030", true, "nobody"},
		{"[fe80::1%eth0]:9030", true, "nobody"},
	} {
		got := d.unfitLocked(tt.address, own, tt.local)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s, local: %t: %q", tt.address, tt.local, got)
		}
	}
	var log strings.Builder
	d.log = slog.New(slog.NewTextHandler(&log, nil))
	found := []discover.Found{{Node: nodes.Node{Address: "127.0.0.5:9030"}}, {Node: nodes.Node{Address: "10.0.0.2:9030"}}}
	for range 2 {
		if got := d.usableLocked("sql", found); len(got) != 1 || got[0].Address != "10.0.0.2:9030" {
			t.Errorf("%+v", got)
		}
	}
	if n := strings.Count(log.String(), "no backend"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if got := d.usableLocked("file", found); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	d.config.Backends = []backend.Spec{{Address: "localhost:1"}}
	if got := d.usableLocked("sql", found); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

// A source that is asked no more is not heard any more, although it has not ended yet.
func TestDiscoverHearsNoOldSource(t *testing.T) {
	d := newDiscovery(backend.NewRegistry(backend.Options{}), slog.New(slog.DiscardHandler), newDiscoveryMetrics(prometheus.NewRegistry()))
	d.configure(&config.Config{Discover: config.Discover{File: "new"}})
	tell := func(path, address string) {
		d.take(t.Context(), &file.Source{Path: path}, discover.Answer{Found: []discover.Found{{Node: nodes.Node{Address: address}}}})
	}
	tell("old", "a:1")
	tell("new", "b:1")
	if list := d.registry.Backends(); len(list) != 1 || list[0].Address() != "b:1" {
		t.Errorf("%d backends", len(list))
	}
}

// A seed that is none of the cluster's nodes is told of, once, and not at the first answer.
func TestDiscoverSuspects(t *testing.T) {
	var log strings.Builder
	d := &discovery{log: slog.New(slog.NewTextHandler(&log, nil))}
	list := []discover.Entry{
		{Node: nodes.Node{Name: "vip", Address: "vip:1"}, Seed: true},
		{Node: nodes.Node{Name: "fe-1", Address: "fe-1:1"}, Seed: true, Sources: "sql, dns"},
		{Node: nodes.Node{Name: "fe-2", Address: "fe-2:1"}, Sources: "sql"},
	}
	for i := range 6 {
		d.suspectLocked(list)
		want := 0
		if i+1 >= otherAnswers {
			want = 1
		}
		if got := strings.Count(log.String(), "none of the cluster"); got != want {
			t.Errorf("after %d answers: %d", i+1, got)
		}
	}
	if strings.Contains(log.String(), "fe-1:1") {
		t.Error(log.String())
	}
	log.Reset()
	d.other = nil
	for range 6 {
		d.suspectLocked(list[:1]) // the cluster names nobody
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
}
