package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func object(name, version, body string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"n","resourceVersion":%q},"v":%q}`, name, version, body)
}

func event(kind, object string) string {
	return fmt.Sprintf(`{"type":%q,"object":%s}`, kind, object)
}

func list(version, next string, objects ...string) string {
	return fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"continue":%q},"items":[%s]}`, version, next, strings.Join(objects, ","))
}

// values are the state's objects as "name=v".
func values(t *testing.T, s *State) string {
	t.Helper()
	var all []string
	for _, raw := range s.Objects() {
		var o struct {
			Metadata metadata
			V        string
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatalf("parse object: %v", err)
		}
		all = append(all, o.Metadata.Name+"="+o.V)
	}
	return strings.Join(all, " ")
}

func TestStateEvents(t *testing.T) {
	tests := []struct {
		name    string
		event   string
		objects string
		version string // empty: everything is listed again
		changed bool
		err     string // part of its text
	}{
		{"added", event("ADDED", object("c", "11", "1")), "a=1 b=1 c=1", "11", true, ""},
		{"added twice", event("ADDED", object("a", "1", "1")), "a=1 b=1", "1", false, ""},
		{"modified", event("MODIFIED", object("a", "12", "2")), "a=2 b=1", "12", true, ""},
		{"deleted", event("DELETED", object("a", "13", "1")), "b=1", "13", true, ""},
		{"deleted before", event("DELETED", object("z", "13", "1")), "a=1 b=1", "13", false, ""},
		{"bookmark", `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}}`, "a=1 b=1", "20", false, ""},
		{"bookmark without version", `{"type":"BOOKMARK","object":{"metadata":{}}}`, "a=1 b=1", "", false, "resourceVersion"},
		{"gone", `{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (5)"}}`, "a=1 b=1", "", false, "too old"},
		{"other error", `{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcd event received with PrevKv=nil"}}`, "a=1 b=1", "", false, "500 etcd event"},
		{"error without Status", `{"type":"ERROR","object":7}`, "a=1 b=1", "", false, "ERROR"},
		{"type of the future", event("RENAMED", object("a", "14", "1")), "a=1 b=1", "", false, `"RENAMED"`},
		{"no name", `{"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}}`, "a=1 b=1", "", false, "name"},
		{"no object", `{"type":"ADDED"}`, "a=1 b=1", "", false, "parse event"},
		{"cut off", `{"type":"ADD`, "a=1 b=1", "", false, "parse event"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s State
			if _, err := s.Page([]byte(list("10", "", object("a", "1", "1"), object("b", "2", "1")))); err != nil {
				t.Fatal(err)
			}
			changed, err := s.Event([]byte(tt.event))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("Event: error %v, want one with %q", err, tt.err)
			}
			if got := values(t, &s); got != tt.objects || s.Version() != tt.version || changed != tt.changed {
				t.Errorf("Event: objects %q version %q changed %t, want %q %q %t", got, s.Version(), changed, tt.objects, tt.version, tt.changed)
			}
		})
	}
}

func TestStateExpired(t *testing.T) {
	var s State
	if _, err := s.Event([]byte(`{"type":"ERROR","object":{"kind":"Status","code":410}}`)); !errors.Is(err, errExpired) {
		t.Errorf("Event 410: error %v, want %v", err, errExpired)
	}
}

func TestStatePages(t *testing.T) {
	var s State
	if _, err := s.Page([]byte(list("10", "", object("old", "1", "1")))); err != nil {
		t.Fatal(err)
	}
	next, err := s.Page([]byte(list("20", "more", object("a", "1", "1"))))
	if next != "more" || err != nil {
		t.Fatalf("first page: next %q, error %v", next, err)
	}
	if got := values(t, &s); got != "old=1" {
		t.Errorf("objects between two pages: %q, want those of before", got)
	}
	if next, err = s.Page([]byte(list("20", "", object("b", "1", "1")))); next != "" || err != nil {
		t.Fatalf("last page: next %q, error %v", next, err)
	}
	if got := values(t, &s); got != "a=1 b=1" || s.Version() != "20" {
		t.Errorf("objects %q version %q, want those of the list alone", got, s.Version())
	}
	// A list that is begun again holds nothing of the one that was given up.
	if _, err = s.Page([]byte(list("30", "more", object("c", "1", "1")))); err != nil {
		t.Fatal(err)
	}
	s.Expire()
	if _, err = s.Page([]byte(list("31", "", object("d", "1", "1")))); err != nil {
		t.Fatal(err)
	}
	if got := values(t, &s); got != "d=1" {
		t.Errorf("objects %q, want d=1", got)
	}
}

func TestStatePageRefused(t *testing.T) {
	for _, body := range []string{"", "{}", "[]", `{"metadata":{"resourceVersion":"1"},"items":[{}]}`, `{"metadata":{"resourceVersion":"1"},"items":[7]}`} {
		var s State
		if _, err := s.Page([]byte(list("10", "", object("a", "1", "1")))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Page([]byte(body)); err == nil {
			t.Errorf("Page(%q): no error", body)
		}
		if got := values(t, &s); got != "a=1" {
			t.Errorf("Page(%q): objects %q, want those of before", body, got)
		}
	}
}

// FuzzState: whatever a watch says, what is kept can be listed, and behind an error everything is listed again.
func FuzzState(f *testing.F) {
	f.Add([]byte(event("ADDED", object("a", "1", "1")) + "\n" + event("DELETED", object("a", "2", "1"))))
	f.Add([]byte(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}}`))
	f.Add([]byte(`{"type":"ERROR","object":{"code":410}}`))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var s State
		for line := range strings.SplitSeq(string(stream), "\n") {
			before := slices.Clone(s.Objects())
			changed, err := s.Event([]byte(line))
			if err != nil && s.Version() != "" {
				t.Fatalf("Event(%q): %v, and version %q stays", line, err, s.Version())
			}
			if err == nil && s.Version() == "" {
				t.Fatalf("Event(%q): no version", line)
			}
			same := slices.EqualFunc(before, s.Objects(), func(a, b json.RawMessage) bool { return string(a) == string(b) })
			if same == changed {
				t.Fatalf("Event(%q): changed %t, and the objects are the same: %t", line, changed, same)
			}
			for _, o := range s.Objects() {
				if !json.Valid(o) {
					t.Fatalf("Event(%q): object %q", line, o)
				}
			}
		}
	})
}
