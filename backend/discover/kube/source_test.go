package kube

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/backend/discover"
)

func TestSourceAnswer(t *testing.T) {
	s := Source{Config: Config{Namespace: "db"}, Service: "sr-fe-search", Port: "query", HTTPPort: "http"}
	a := s.answer([]json.RawMessage{json.RawMessage(slice("IPv4", queryPort,
		pod("fe-0", "u0", "10.0.0.1", "ready"), pod("fe-1", "u1", "10.0.0.2", "serving", "terminating"), `{"addresses":["10.0.0.3"]}`))})
	if a.Err != nil || !a.Live || len(a.Found) != 3 {
		t.Fatalf("answer %+v", a)
	}
	var all []string
	for _, f := range a.Found {
		all = append(all, strings.Join([]string{f.Called, f.Host, f.Address, f.HTTP, f.Zone, f.Leaving}, " "))
	}
	want := " 10.0.0.3 10.0.0.3:9030 10.0.0.3:8030  ; fe-0 10.0.0.1 10.0.0.1:9030 10.0.0.1:8030 zone-1 ; fe-1 10.0.0.2 10.0.0.2:9030 10.0.0.2:8030 zone-1 pod fe-1 is terminating"
	if got := strings.Join(all, "; "); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"": "no EndpointSlice is there", `{"endpoints":7}`: "parse EndpointSlice", slice("IPv4", `{"port":1}`, pod("fe-0", "u0", "10.0.0.1")): `find port "query"`,
	} {
		var objects []json.RawMessage
		if text != "" {
			objects = append(objects, json.RawMessage(text))
		}
		if a := s.answer(objects); a.Err == nil || !strings.Contains(a.Err.Error(), want) || !strings.Contains(a.Err.Error(), "service sr-fe-search") {
			t.Errorf("answer to %q: %v, want %q", text, a.Err, want)
		}
	}
}

// What is found again behind a failure is told, so that it is known to be good; what is the same is not told twice.
func TestSourceTells(t *testing.T) {
	var told []string
	f := found{source: &Source{Service: "s", Port: "query"}, tell: func(a discover.Answer) {
		if a.Err != nil {
			told = append(told, "failed")
			return
		}
		told = append(told, a.Found[0].Address)
	}}
	objects := []json.RawMessage{json.RawMessage(slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "ready")))}
	f.report(objects)
	f.report([]json.RawMessage{json.RawMessage(slice("IPv4", queryPort, pod("fe-0", "u0", "10.0.0.1", "!ready")))})
	_ = f.trouble(errExpired)
	f.report(objects)
	if got := strings.Join(told, " "); got != "10.0.0.1:9030 failed 10.0.0.1:9030" {
		t.Errorf("told %q", got)
	}
}

// Outside a pod nothing can be asked, which is told again and again: the token may be mounted by and by.
func TestSourceWithoutSurroundings(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		told := 0
		s := Source{Service: "s"}
		err := s.Run(ctx, func(a discover.Answer) {
			told++
			if a.Err == nil || !strings.Contains(a.Err.Error(), "this is no pod") {
				t.Errorf("told %+v", a)
			}
		})
		if told != 3 || err == nil {
			t.Errorf("told %d times, %v; want 3", told, err)
		}
	})
}

func TestSourceNames(t *testing.T) {
	for want, s := range map[string]Source{
		"kubernetes s": {Service: "s"}, "kubernetes n/s:query": {Config: Config{Namespace: "n"}, Service: "s", Port: "query"},
	} {
		if got := s.String(); got != want || s.Kind() != "kubernetes" {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s := Source{Config: Config{Server: "https://127.0.0.1:1", Namespace: "n"}, Service: "a/b"}
	if err := s.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `"a/b" is no name`) {
		t.Errorf("Run: %v", err)
	}
	for name, want := range map[string]bool{"a": true, "a-b.c1": true, "": false, "-a": false, "a.": false, "A": false, "a/b": false, "a b": false, strings.Repeat("a", 254): false} {
		if ValidName(name) != want {
			t.Errorf("ValidName(%q) = %t", name, !want)
		}
	}
}
