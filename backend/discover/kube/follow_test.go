package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script answers requests one after the other, and keeps what was asked.
type script struct {
	answers []http.HandlerFunc

	mu    sync.Mutex
	asked []url.Values
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	i := len(s.asked)
	s.asked = append(s.asked, r.URL.Query())
	s.mu.Unlock()
	if i < len(s.answers) {
		s.answers[i](w, r)
		return
	}
	<-r.Context().Done() // a watch that stays open
}

// questions are what was asked: "list" or "watch", and from which version.
func (s *script) questions() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, q := range s.asked {
		what := "list"
		if q.Get("watch") == "1" {
			what = "watch"
		}
		all = append(all, strings.TrimSpace(what+" "+q.Get("resourceVersion")+q.Get("continue")))
	}
	return strings.Join(all, ", ")
}

func says(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Join(lines, "\n")) }
}

func fails(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func TestFollow(t *testing.T) {
	const gone = `{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}`
	first := says(list("10", "", object("a", "1", "1")))
	tests := []struct {
		name      string
		answers   []http.HandlerFunc
		until     string // objects with which the test ends
		questions string
		troubles  string
	}{
		{
			"a watch that ends goes on where it was",
			[]http.HandlerFunc{first, says(event("ADDED", object("b", "11", "1"))), says(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"20"}}}`), says(event("DELETED", object("a", "21", "1")))},
			"b=1",
			"list 0, watch 10, watch 11, watch 20", "",
		},
		{
			"pages",
			[]http.HandlerFunc{says(list("10", "more", object("a", "1", "1"))), says(list("10", "", object("b", "1", "1")))},
			"a=1 b=1",
			"list 0, list more", "",
		},
		{
			"410 in a watch",
			[]http.HandlerFunc{first, says(gone), says(list("30", "", object("z", "1", "1")))},
			"z=1",
			"list 0, watch 10, list", "too old",
		},
		{
			"410 instead of a watch",
			[]http.HandlerFunc{first, fails(410, ""), says(list("30", "", object("z", "1", "1")))},
			"z=1",
			"list 0, watch 10, list", "too old",
		},
		{
			"410 between pages",
			[]http.HandlerFunc{says(list("10", "more", object("a", "1", "1"))), fails(410, `{"kind":"Status","message":"continue expired"}`), says(list("30", "", object("z", "1", "1")))},
			"z=1",
			"list 0, list more, list", "continue expired",
		},
		{
			"cut within an event",
			[]http.HandlerFunc{first, says(event("ADDED", object("b", "11", "1"))[:20]), says(list("30", "", object("z", "1", "1")))},
			"z=1",
			"list 0, watch 10, list", "parse event",
		},
		{
			"an endless event",
			[]http.HandlerFunc{first, says(strings.Repeat("x", maxEvent+1)), says(list("30", "", object("z", "1", "1")))},
			"z=1",
			"list 0, watch 10, list", "too long",
		},
		{
			"server down at first",
			[]http.HandlerFunc{fails(503, "not yet"), says(list("10", "", object("b", "1", "1")))},
			"b=1",
			"list 0, list", "not yet",
		},
		{
			"watch refused",
			[]http.HandlerFunc{first, fails(500, "oops"), says(event("MODIFIED", object("a", "12", "2")))},
			"a=2",
			"list 0, watch 10, watch 10", "oops",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: tt.answers}
			f := newFake(t, s.serve)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var seen, troubles []string
			err := f.client(t).Follow(ctx, Collection{Path: "/things", Labels: "x=y"}, Follower{
				Report: func(objects []json.RawMessage) {
					seen = append(seen, names(t, objects))
					if seen[len(seen)-1] == tt.until {
						cancel()
					}
				},
				Trouble: func(err error) error { troubles = append(troubles, err.Error()); return nil },
			})
			if !errors.Is(err, context.Canceled) || len(seen) == 0 || seen[len(seen)-1] != tt.until {
				t.Fatalf("Follow: %v, saw %q, troubles %q, want %q", err, seen, troubles, tt.until)
			}
			if got := s.questions(); got != tt.questions {
				t.Errorf("asked %q, want %q", got, tt.questions)
			}
			if (len(troubles) == 0) != (tt.troubles == "") || !strings.Contains(strings.Join(troubles, "; "), tt.troubles) {
				t.Errorf("troubles %q, want %q", troubles, tt.troubles)
			}
			for _, q := range s.asked {
				if q.Get("labelSelector") != "x=y" || q.Get("watch") == "1" && (q.Get("allowWatchBookmarks") != "true" || q.Get("timeoutSeconds") == "") {
					t.Errorf("asked %v", q)
				}
			}
		})
	}
}

func names(t *testing.T, objects []json.RawMessage) string {
	t.Helper()
	s := State{objects: map[string]json.RawMessage{}}
	for i, o := range objects {
		s.objects[fmt.Sprint(i)] = o
	}
	return values(t, &s)
}

func TestFollowEnds(t *testing.T) {
	f := newFake(t, fails(403, `{"kind":"Status","message":"no"}`))
	err := f.client(t).Follow(t.Context(), Collection{Path: "/things"}, Follower{
		Report:  func([]json.RawMessage) { t.Error("reported") },
		Trouble: func(err error) error { return err },
	})
	if Code(err) != http.StatusForbidden {
		t.Errorf("Follow: %v, want 403", err)
	}
}

func TestDelay(t *testing.T) {
	asked := &Error{Code: 429, RetryAfter: 7 * time.Second}
	tests := []struct {
		pause  time.Duration
		err    error
		chance float64
		want   time.Duration
	}{
		{time.Second, nil, 0, 500 * time.Millisecond},
		{time.Second, nil, 1, time.Second},
		{time.Second, fmt.Errorf("list: %w", asked), 0.5, 7 * time.Second},
		{20 * time.Second, asked, 0.5, 15 * time.Second},
	}
	for _, tt := range tests {
		if got := delay(tt.pause, tt.err, tt.chance); got != tt.want {
			t.Errorf("delay(%s, %v, %g) = %s, want %s", tt.pause, tt.err, tt.chance, got, tt.want)
		}
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := wait(t.Context(), time.Minute); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("wait: %v after %s", err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait: %v", err)
		}
	})
}
