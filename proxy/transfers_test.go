package proxy

import (
	"slices"
	"testing"
)

// Whoever looks at all sessions waits until no transfer is open, and none starts before it has looked.
func TestFerry(t *testing.T) {
	f := &transfers{}
	a, b, c := &session{id: 1}, &session{id: 2}, &session{id: 3}
	var began []string
	look := func(name string) { f.suspend(func() { began = append(began, name) }) }
	expect := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(began, want) {
			t.Errorf("%s: %v have begun, want %v", what, began, want)
		}
	}
	look("at nobody")
	expect("no transfer is open", "at nobody")
	if f.start(a) {
		t.Error("a transfer starts during a look")
	}
	f.resume()
	if !f.start(a) || !f.start(b) {
		t.Error("none starts")
	}
	look("first")
	look("second")
	if f.start(c) {
		t.Error("a transfer starts although somebody wants to look")
	}
	f.ended(a)
	expect("one is still open", "at nobody")
	if left := f.unfinished(); len(left) != 1 || left[0] != b {
		t.Errorf("%v are open", left)
	}
	f.ended(b)
	expect("all have ended", "at nobody", "first", "second")
	f.resume()
	if f.start(c) {
		t.Error("a transfer starts during the second look")
	}
	f.resume()
	if !f.start(c) {
		t.Error("none starts again")
	}
	f.ended(c)
	expect("later", "at nobody", "first", "second")
}
