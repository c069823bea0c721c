package backend

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend/secure"
)

// newRegistry makes a registry with backends of these names, at NAME:9030.
func newRegistry(tb testing.TB, names ...string) *Registry {
	tb.Helper()
	r := NewRegistry(Options{})
	r.Apply(specs(names...))
	return r
}

func specs(names ...string) []Spec {
	var out []Spec
	for _, n := range names {
		out = append(out, Spec{Name: n, Address: n + ":9030"})
	}
	return out
}

// Another policy is a change; one that says the same is none, and the first stays.
func TestApplyTLS(t *testing.T) {
	made := func(mode secure.Mode, name string) *secure.Policy {
		p, err := secure.New(mode, secure.Material{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	r := NewRegistry(Options{})
	with := func(p *secure.Policy, weight int) []string {
		return r.Apply([]Spec{{Name: "a", Address: "a:1", Weight: weight, TLS: p}}).Updated
	}
	first := made(secure.Required, "x")
	with(nil, 1)
	b := lookup(t, r, "a")
	if b.TLS() != nil || len(with(first, 1)) != 1 || b.TLS() != first {
		t.Error("a first policy is no change")
	}
	if len(with(made(secure.Required, "x"), 1)) != 0 || b.TLS() != first || len(with(made(secure.Required, "x"), 2)) != 1 || b.TLS() != first {
		t.Error("one that says the same takes the first one's place")
	}
	for _, p := range []*secure.Policy{made(secure.Required, "y"), made(secure.VerifyIdentity, "y"), nil} {
		if len(with(p, 2)) != 1 || b.TLS() != p {
			t.Errorf("%v is no change", p)
		}
	}
}

func lookup(tb testing.TB, r *Registry, name string) *Backend {
	tb.Helper()
	b, ok := r.Lookup(name)
	if !ok {
		tb.Fatalf("%s is not registered", name)
	}
	return b
}

func TestApply(t *testing.T) {
	r := newRegistry(t, "a", "b", "c")
	a, c := lookup(t, r, "a"), lookup(t, r, "c")
	r.SetHealth(a, Up, "")

	change := r.Apply([]Spec{
		{Name: "c", Address: "c:9030", Weight: 7},
		{Name: "a", Address: "a:9030", Weight: 1},
		{Name: "b", Address: "elsewhere:9030"},
		{Name: "d", Address: "d:9030"},
		{Name: "d", Address: "twice:9030"},
	})
	want := Change{Added: []string{"b", "d"}, Removed: []string{"b"}, Updated: []string{"c"}}
	if !reflect.DeepEqual(change, want) {
		t.Errorf("change %+v, want %+v", change, want)
	}
	var order []string
	for _, b := range r.Backends() {
		order = append(order, b.Name()+"@"+b.Address())
	}
	if got, want := fmt.Sprint(order), "[c@c:9030 a@a:9030 b@elsewhere:9030 d@d:9030]"; got != want {
		t.Errorf("backends %s, want %s", got, want)
	}
	if lookup(t, r, "a") != a || a.Status().Health != Up {
		t.Error("a lost its identity or health")
	}
	if got := c.Status().Weight; got != 7 {
		t.Errorf("weight of c %d, want 7", got)
	}
	if got := lookup(t, r, "d").Status(); got.Weight != DefaultWeight || got.Health != Unknown || got.Cause == "" {
		t.Errorf("d begins as %+v", got)
	}
	if change := r.Apply([]Spec{{Name: "c", Address: "c:9030", Weight: 7}}); len(change.Removed) != 3 {
		t.Errorf("removed %v, want three", change.Removed)
	}
}

func TestApplyKeepsTheOperatorsWordOverAMove(t *testing.T) {
	r := newRegistry(t, "a")
	if err := r.SetAdmin("a", Maint); err != nil {
		t.Fatal(err)
	}
	r.Apply([]Spec{{Name: "a", Address: "elsewhere:9030"}})
	if got := lookup(t, r, "a").Status().Admin; got != Maint {
		t.Errorf("a is %v at its new address, want maint", got)
	}
}

func TestRemovedLivesOnThroughItsLease(t *testing.T) {
	r := newRegistry(t, "a")
	a := lookup(t, r, "a")
	r.SetHealth(a, Up, "")
	l, err := r.Lease(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Apply(nil)
	cause, leaving := l.Backend().Status().Leaving()
	if !leaving || cause != "removed from the configuration" {
		t.Errorf("leaving %v, cause %q", leaving, cause)
	}
	if r.SetHealth(a, Down, "late probe") || a.Status().Health != Up {
		t.Error("a probe that came late changed a removed backend")
	}
	l.Established()
	l.Release()
	if a.Sessions() != 0 {
		t.Errorf("%d sessions left", a.Sessions())
	}
	if _, err := r.Lease(nil); err == nil || err.Error() != "no usable backend (none is configured)" {
		t.Errorf("lease from an empty registry: %v", err)
	}
}

func TestChanged(t *testing.T) {
	r := newRegistry(t, "a")
	a := lookup(t, r, "a")
	for _, c := range []struct {
		name string
		do   func()
		want bool
	}{
		{"health", func() { r.SetHealth(a, Up, "") }, true},
		{"same health", func() { r.SetHealth(a, Up, "") }, false},
		{"cause only", func() { r.SetHealth(a, Up, "hm") }, false},
		{"admin", func() { _ = r.SetAdmin("a", Drain) }, true},
		{"same admin", func() { _ = r.SetAdmin("a", Drain) }, false},
		{"membership", func() { r.Apply(specs("a", "b")) }, true},
		{"weight", func() { r.Apply([]Spec{{Name: "a", Address: "a:9030", Weight: 2}, specs("b")[0]}) }, true},
		{"nothing new", func() { r.Apply([]Spec{{Name: "a", Address: "a:9030", Weight: 2}, specs("b")[0]}) }, false},
	} {
		ch := r.Changed()
		c.do()
		select {
		case <-ch:
			if !c.want {
				t.Errorf("%s: told of a change", c.name)
			}
		default:
			if c.want {
				t.Errorf("%s: not told", c.name)
			}
		}
	}
}

func TestSetHealthKeepsCauseAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, "a")
		a := lookup(t, r, "a")
		time.Sleep(time.Minute)
		if !r.SetHealth(a, Stopping, "/api/health 500") {
			t.Error("no change reported")
		}
		at := time.Now()
		time.Sleep(time.Minute)
		if r.SetHealth(a, Stopping, "still 500") {
			t.Error("a new cause was reported as a change")
		}
		s := a.Status()
		if s.Cause != "still 500" || !s.Since.Equal(at) {
			t.Errorf("%+v, want the new cause and since %v", s, at)
		}
		if cause, leaving := s.Leaving(); !leaving || cause != "still 500" {
			t.Errorf("leaving %v %q", leaving, cause)
		}
	})
}

func TestSetAdminUnknown(t *testing.T) {
	r := newRegistry(t, "b", "a")
	err := r.SetAdmin("x", Drain)
	if want := "set admin state of x: no such backend; there are: a, b"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := r.SetAdmin("a", numAdmins); err == nil {
		t.Error("a state that does not exist was taken")
	}
}

func TestStatusLeaving(t *testing.T) {
	for _, c := range []struct {
		status Status
		cause  string
		want   bool
	}{
		{Status{Health: Up}, "", false},
		{Status{Health: Unknown}, "", false},
		{Status{Health: Down, Cause: "refused"}, "", false},
		{Status{Health: Stopping, Cause: "/api/health 500"}, "/api/health 500", true},
		{Status{Health: Up, Admin: Drain}, "drain by operator", true},
		{Status{Health: Stopping, Admin: Maint, Cause: "x"}, "maint by operator", true},
		{Status{Health: Up, Admin: Drain, Removed: true}, "removed from the configuration", true},
	} {
		if cause, leaving := c.status.Leaving(); cause != c.cause || leaving != c.want {
			t.Errorf("%+v: %q %v", c.status, cause, leaving)
		}
	}
}

func TestFactsAndLogins(t *testing.T) {
	r := newRegistry(t, "a")
	a := lookup(t, r, "a")
	if a.Facts().Known || a.Logins() != 0 || !a.LastLeased().IsZero() {
		t.Error("a new backend knows something already")
	}
	f := Facts{Known: true, Capabilities: 3703308, ServerVersion: "5.1.0"}
	a.Learn(f)
	if a.Facts() != f {
		t.Errorf("learned %+v", a.Facts())
	}
	for range 3 {
		l, err := r.Lease(nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Established()
		l.Established()
		l.Release()
		l.Release()
		l.Failed(errors.New("late"))
	}
	if a.Logins() != 3 || a.Sessions() != 0 || a.LastLeased().IsZero() {
		t.Errorf("%d logins, %d sessions, last leased %v", a.Logins(), a.Sessions(), a.LastLeased())
	}
}

// A backend by another name is as healthy as before, and as the operator wants it; another server by that name, or at that address, is not.
func TestApplyRenames(t *testing.T) {
	r := NewRegistry(Options{})
	r.Apply([]Spec{{Name: "a", Address: "a:1", Source: "dns"}, {Name: "b", Address: "b:1", Source: "dns"}, {Name: "c", Address: "c:1", Source: "dns"}})
	for _, b := range r.Backends() {
		r.SetHealth(b, Up, "")
	}
	if err := r.SetAdmin("a", Drain); err != nil {
		t.Fatal(err)
	}
	if err := r.SetAdmin("c", Maint); err != nil {
		t.Fatal(err)
	}
	r.Backends()[0].Learn(Facts{Known: true, ServerVersion: "8"})
	r.Apply([]Spec{{Name: "fe-0", Address: "a:1", Formerly: "a"}, {Name: "fe-1", Address: "x:1", Formerly: "b"}, {Name: "fe-2", Address: "c:1", Leaving: "terminating", Formerly: "c"}})
	for i, want := range []struct {
		health Health
		admin  Admin
	}{{Up, Drain}, {Unknown, Ready}, {Stopping, Maint}} {
		if s := r.Backends()[i].Status(); s.Health != want.health || s.Admin != want.admin || s.Formerly != "" {
			t.Errorf("%s: %s, %s", s.Name, s.Health, s.Admin)
		}
	}
	if f := r.Backends()[0].Facts(); f.ServerVersion != "8" {
		t.Errorf("%+v", f)
	}
	if e := r.Expected(); len(e) != 0 {
		t.Errorf("what was said of backends that have other names now is kept for others: %v", e)
	}
	r.Apply([]Spec{{Name: "fe-0", Address: "a:1", Formerly: "a"}})
	if c := r.Apply([]Spec{{Name: "fe-0", Address: "a:1"}}); !c.Empty() {
		t.Errorf("%+v", c)
	}
}
