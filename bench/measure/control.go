package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// DefaultControl is where the control endpoint listens.
const DefaultControl = "127.0.0.1:9132"

// longestMark is how much of a mark a report has room for, in characters.
const longestMark = 120

// cleanMark is a mark's text as it may be shown: one line of bounded length.
func cleanMark(text string) string {
	clean := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(clean); len(r) > longestMark {
		return string(r[:longestMark]) + "…"
	}
	return clean
}

// Control is the control endpoint: POST /mark with a text as its body puts a mark
// into the report. It listens on loopback only, and refuses what a web page could
// send.
type Control struct{ ln net.Listener }

// ListenControl opens a control endpoint, which Serve closes.
func ListenControl(address string) (*Control, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("control endpoint %q: want HOST:PORT", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("control endpoint %q: it has no authentication and listens on loopback only; write 127.0.0.1:PORT", address)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control endpoint: %w", err)
	}
	return &Control{ln}, nil
}

// Address is the address bound.
func (c *Control) Address() string { return c.ln.Addr().String() }

// Serve takes marks until ctx is done.
func (c *Control) Serve(ctx context.Context, mark func(text string)) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mark", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4*longestMark))
		text := cleanMark(string(body))
		host, _, _ := net.SplitHostPort(r.Host)
		switch {
		case r.Header.Get("Origin") != "" || host != "localhost" && net.ParseIP(host) == nil:
			http.Error(w, "not for web pages", http.StatusForbidden)
		case err != nil || text == "":
			http.Error(w, "the body is the mark's text, such as: fe-1 is told to leave", http.StatusBadRequest)
		default:
			mark(text)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // a mark that is on its way comes too late
	err := server.Serve(c.ln)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close closes a control endpoint that has not been served.
func (c *Control) Close() { _ = c.ln.Close() }

// PostMark sends a mark to a bench that is running.
func PostMark(ctx context.Context, address, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/mark", strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("control endpoint %q: want HOST:PORT", address)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("send mark: %w; is `segue bench --mark` running there?", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("send mark: %s: %s", resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
