package backend

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var tooMany = Full{Code: 1040, State: "08004", Message: "Too many connections"}

// A backend that is full gets one lease a second, whoever asks, until one of them is let in. Its health is no matter.
func TestFullGetsOneTrialASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{SlowStart: -1})
		r.Apply([]Spec{{Name: "a", Address: "a:1"}, {Name: "b", Address: "b:1"}})
		for _, b := range r.Backends() {
			r.SetHealth(b, Up, "")
		}
		a, b := r.Backends()[0], r.Backends()[1]
		onlyA := func(x *Backend) bool { return x == b }
		lease := func() *Lease {
			l, _ := r.Lease(onlyA)
			return l
		}
		l := lease()
		if !l.Full(tooMany) {
			t.Error("that it is full is nothing new")
		}
		if s := a.Status(); s.Health != Up || s.Full != "full: 1040 Too many connections" || s.Sessions != 0 {
			t.Errorf("%+v", s)
		}
		if _, err := r.Lease(onlyA); err == nil || !strings.Contains(err.Error(), "2 of 2 up; a: full: 1040 Too many connections") {
			t.Errorf("a lease of it: %v", err)
		}
		trials := 0
		for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
			for _, find := range []func(func(*Backend) bool) (*Lease, error){r.Lease, r.LeaseRested} {
				if l, err := find(onlyA); err == nil {
					trials++
					l.Full(tooMany)
				}
			}
		}
		if trials < 9 || trials > 10 {
			t.Errorf("%d trials in ten seconds", trials)
		}
		a.Fill(tooMany)
		for range 10 { // the other one has room
			if l, err := r.Lease(nil); err != nil || l.Backend() != b {
				t.Errorf("%v", err)
			}
		}
		time.Sleep(time.Second)
		l = lease()
		if l == nil || lease() != nil {
			t.Fatal("not one trial at a time")
		}
		l.Established()
		if _, full := a.Full(); full || lease() == nil {
			t.Error("full although it has let one in")
		}
	})
}

// What has been down is another process, with room.
func TestFullEndsWithTheProcess(t *testing.T) {
	r := NewRegistry(Options{})
	r.Apply([]Spec{{Name: "a", Address: "a:1"}})
	a := r.Backends()[0]
	r.SetHealth(a, Up, "")
	a.Fill(tooMany)
	r.SetHealth(a, Stopping, "")
	if _, full := a.Full(); !full {
		t.Error("not full while it stops")
	}
	r.SetHealth(a, Down, "refused")
	if _, full := a.Full(); full {
		t.Error("full, and down")
	}
}

func TestRefusals(t *testing.T) {
	var r Refusals
	now := time.Unix(1000, 0)
	if r.Standing() || r.Bar(now) {
		t.Error("the zero value bars")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		r.Refused(now)
		if got := r.Until().Sub(now); got != want || !r.Bar(now) || !r.Bar(now.Add(want-1)) || r.Bar(now.Add(want)) || !r.Standing() {
			t.Errorf("refusal %d: %v, want %v", i+1, got, want)
		}
		now = now.Add(want)
	}
	r.Accepted()
	if r.Standing() || r.Bar(now) {
		t.Error("it bars although it was accepted")
	}
	r.Refused(now)
	if got := r.Until().Sub(now); got != time.Second {
		t.Errorf("the first refusal behind a success: %v", got)
	}
}
