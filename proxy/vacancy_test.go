package proxy

import (
	"testing"
	"time"
)

func TestVacancy(t *testing.T) {
	t.Parallel()
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	within := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Fatalf("not told that %s", what)
		}
	}
	none := p.Vacancy()
	if none.Clients != 0 || !none.Since.IsZero() {
		t.Errorf("before: %+v", none)
	}
	d := p.connect()
	within("one has come", none.Changed)
	one := p.Vacancy()
	if one.Clients != 1 {
		t.Errorf("with one: %+v", one)
	}
	second := p.connect()
	_ = second.Close()
	p.waitSessions(1)
	select {
	case <-one.Changed:
		t.Error("told that the last has left, and one is there")
	default:
	}
	_ = d.Close()
	within("the last has left", one.Changed)
	if left := p.Vacancy(); left.Clients != 0 || left.Since.IsZero() {
		t.Errorf("afterwards: %+v", left)
	}
}
