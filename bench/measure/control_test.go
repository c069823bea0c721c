package measure

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestControl(t *testing.T) {
	c, err := ListenControl("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var marks []string
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := c.Serve(ctx, func(text string) {
			mu.Lock()
			defer mu.Unlock()
			marks = append(marks, text)
		}); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	for _, text := range []string{"fe-1 leaves", " two\nlines\x1b[31m "} {
		if err := PostMark(ctx, c.Address(), text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := PostMark(ctx, c.Address(), " "); err == nil || !strings.Contains(err.Error(), "the body is the mark's text") {
		t.Errorf("an empty mark: %v", err)
	}
	for name, change := range map[string]func(*http.Request){
		"another site":  func(r *http.Request) { r.Header.Set("Origin", "http://example.com") },
		"another name":  func(r *http.Request) { r.Host = "rebound.example.com:80" },
		"another verb":  func(r *http.Request) { r.Method = http.MethodGet },
		"too much text": func(r *http.Request) { r.Body = http.NoBody },
	} {
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.Address()+"/mark", strings.NewReader("x"))
		change(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	serving.Wait()
	if got := strings.Join(marks, "|"); got != "fe-1 leaves|two lines [31m" {
		t.Errorf("marks %q", got)
	}
	if err := PostMark(t.Context(), c.Address(), "x"); err == nil || !strings.Contains(err.Error(), "is `segue bench --mark` running there?") {
		t.Errorf("nobody there: %v", err)
	}
	for _, address := range []string{"9132", "0.0.0.0:0", "example.com:80"} {
		if c, err := ListenControl(address); err == nil {
			c.Close()
			t.Errorf("it listens on %s", address)
		}
	}
}

func TestMarksAreShort(t *testing.T) {
	if got := cleanMark(strings.Repeat("ä", 500)); len([]rune(got)) != longestMark+1 {
		t.Errorf("%d characters", len([]rune(got)))
	}
}
