package kube

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/backend/secure/securetest"
)

// fake is an API server of one handler, over TLS, and what a client of it reads its token and authorities from.
type fake struct {
	*httptest.Server
	token, ca string // files
}

func newFake(t *testing.T, h http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{Server: httptest.NewTLSServer(h), token: filepath.Join(t.TempDir(), "token"), ca: filepath.Join(t.TempDir(), "ca.crt")}
	t.Cleanup(f.Close)
	write(t, f.token, "one\n")
	write(t, f.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})))
	return f
}

func (f *fake) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{Server: f.URL, TokenFile: f.token, CAFile: f.ca, Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClientReadsTokenAgain(t *testing.T) {
	var asked []string
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		fmt.Fprint(w, `{}`)
	})
	c := f.client(t)
	for _, token := range []string{"one", "two"} {
		write(t, f.token, token)
		if err := c.Get(t.Context(), "/x", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(asked, ", "); got != "Bearer one, Bearer two" {
		t.Errorf("asked as %q", got)
	}
}

// The kubelet renews a token between our reading it and the server's.
func TestClientTokenRenewedMeanwhile(t *testing.T) {
	var f *fake
	f = newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer two" {
			write(t, f.token, "two")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{}`)
	})
	if err := f.client(t).Get(t.Context(), "/x", nil); err != nil {
		t.Errorf("Get: %v", err)
	}
}

func TestClientRefused(t *testing.T) {
	tests := []struct {
		code int
		body string
		want string
	}{
		{403, `{"kind":"Status","message":"pods is forbidden","reason":"Forbidden","code":403}`, "GET /x: 403 pods is forbidden; the account lacks this verb: bind it to the Role in deploy/kubernetes"},
		{401, `{"kind":"Status","message":"Unauthorized"}`, "GET /x: 401 Unauthorized; is the token"},
		{502, "<html>\nbad  gateway", `GET /x: 502 "<html> bad gateway"`},
		{307, "", "GET /x: 307 Temporary Redirect"},
	}
	for _, tt := range tests {
		asked := 0
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.code)
			fmt.Fprint(w, tt.body)
		})
		err := f.client(t).Get(t.Context(), "/x", nil)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || Code(err) != tt.code {
			t.Errorf("Get: %v (%d), want %q", err, Code(err), tt.want)
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
}

func TestClientTrust(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	right, err := os.ReadFile(f.ca)
	if err != nil {
		t.Fatal(err)
	}
	wrong := securetest.New(t, "another").PEM()
	c := f.client(t)
	steps := []struct {
		name, file string
		trusted    bool
	}{
		{"right", string(right), true},
		{"half written", "", true},
		{"another", string(wrong), false},
		{"both", string(wrong) + string(right), true},
	}
	for _, s := range steps {
		write(t, f.ca, s.file)
		c.Close()
		if err := c.Get(t.Context(), "/x", nil); (err == nil) != s.trusted {
			t.Errorf("%s: Get: %v, want trusted %t", s.name, err, s.trusted)
		}
	}
}

func TestClientAnswerTooLong(t *testing.T) {
	if _, err := readAll(strings.NewReader("12345"), 4); err == nil {
		t.Error("readAll: 5 bytes, at most 4: no error")
	}
	if got, err := readAll(strings.NewReader("1234"), 4); string(got) != "1234" || err != nil {
		t.Errorf("readAll: %q, %v", got, err)
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	f := newFake(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := f.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Get(ctx, "/x", nil); err == nil {
		t.Error("Get: no error")
	}
}

func TestConfig(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		config Config
		err    string
	}{
		{"loopback in the clear", Config{Server: "http://127.0.0.1:1", Namespace: "n"}, ""},
		{"in the clear", Config{Server: "http://10.0.0.1", Namespace: "n"}, "want https"},
		{"no URL", Config{Server: "10.0.0.1:6443", Namespace: "n"}, "server"},
		{"with a password", Config{Server: "https://a:b@10.0.0.1", Namespace: "n"}, "want https://HOST"},
		{"no namespace", Config{Server: "https://10.0.0.1"}, "no namespace"},
		{"no token", Config{Server: "https://10.0.0.1", Namespace: "n", TokenFile: "/nowhere"}, "read token"},
		{"a pipe that nobody writes a token to", Config{Server: "https://10.0.0.1", Namespace: "n", TokenFile: pipe}, pipe + " is not a regular file"},
		{"a pipe that nobody writes authorities to", Config{Server: "https://10.0.0.1", Namespace: "n", CAFile: pipe}, pipe + " is not a regular file"},
		{"empty token", Config{Server: "https://10.0.0.1", Namespace: "n", TokenFile: empty}, "is empty"},
		{"no authorities", Config{Server: "https://10.0.0.1", Namespace: "n", CAFile: "/nowhere"}, "read authorities"},
		{"no certificate", Config{Server: "https://10.0.0.1", Namespace: "n", CAFile: empty}, "no certificate"},
		{"no pod", Config{}, "this is no pod"},
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, tt := range tests {
		_, err := New(tt.config)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: New: %v, want %q", tt.name, err, tt.err)
		}
	}
}

func TestConfigOfPod(t *testing.T) {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
	c, err := Config{Namespace: "n"}.resolve(func(key string) string { return env[key] })
	if want := (Config{Server: "https://[fd00::1]:443", TokenFile: accountToken, CAFile: accountCA, Namespace: "n"}); c != want || err != nil {
		t.Errorf("resolve: %+v, %v, want %+v", c, err, want)
	}
}
