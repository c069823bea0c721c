package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/config"
)

// What an operator changes is kept, with who asked, and logged; what changes nothing is not.
func TestChangesAreAudited(t *testing.T) {
	var lines strings.Builder
	s := serve(t)
	s.handler.Audit = NewAudit(slog.New(slog.NewTextHandler(&lines, nil)))
	s.handler.Reload = func(context.Context) (Reload, error) { return Reload{Successful: true}, nil }
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.client.SetAdmin(ctx, "fe-1", backend.Drain, true)
	must(err)
	_, err = s.client.Pause(ctx, time.Minute)
	must(err)
	_, err = s.client.Resume(ctx)
	must(err)
	reload, err := s.client.Reload(ctx)
	must(err)
	if reload.Problems == nil || reload.Restart == nil {
		t.Errorf("%+v", reload)
	}
	if _, err := s.client.SetAdmin(ctx, "no-such", backend.Drain, false); err == nil {
		t.Error("a backend that is not there")
	}
	for _, path := range []string{"/api/v1/pause?for=soon", "/api/v1/backends/fe-1/off"} {
		s.request(t, http.MethodPost, path, nil)
	}
	s.handler.SetAccess(config.Access{Read: config.Anyone, Write: config.WithToken, Token: "hunter2"})
	s.request(t, http.MethodPost, "/api/v1/pause?for=5m", map[string]string{"Authorization": "Bearer hunter2"})

	list, err := get[[]Change](ctx, s.client, "/api/v1/changes")
	must(err)
	var got []string
	for _, c := range list {
		got = append(got, c.What)
		if !strings.HasPrefix(c.By, "127.0.0.1:") || c.Time.IsZero() || strings.HasSuffix(c.By, "by token") != (c.What == "pause for 5m") {
			t.Errorf("%+v", c)
		}
	}
	if want := "pause for 5m, reload, resume, pause for 1m0s, drain fe-1"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
	st, err := s.client.Status(ctx)
	must(err)
	if len(st.Changes) != 5 || st.Changes[0] != list[0] {
		t.Errorf("in the status: %+v", st.Changes)
	}
	if text := lines.String(); strings.Count(text, "changed by an operator") != 5 || !strings.Contains(text, `change="drain fe-1" client=127.0.0.1:`) || strings.Contains(text, "hunter2") {
		t.Errorf("the log:\n%s", text)
	}

	for i := range mostChanges + 50 {
		s.handler.Audit.Note(fmt.Sprint(i), "x")
	}
	if list := s.handler.Audit.Latest(mostChanges + 1); len(list) != mostChanges || list[0].What != fmt.Sprint(mostChanges+49) || list[mostChanges-1].What != "50" {
		t.Errorf("%d changes are kept", len(list))
	}
}

// Whoever answers in the place of the admin API is named.
func TestWhoAnswersInItsPlace(t *testing.T) {
	speaks := func(word string) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte(word))
				t.Cleanup(func() { _ = conn.Close() })
			}
		}()
		return ln.Addr().String()
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "nginx")
		fmt.Fprint(w, `{"status":"OK"}`)
	}))
	t.Cleanup(web.Close)
	for name, c := range map[string]struct{ at, want string }{
		"MySQL":              {speaks("J\x00\x00\x00\n8.0.33\x00"), "a server of the MySQL protocol, or Segue's `listen`, answers there"},
		"MySQL that is full": {speaks("\x17\x00\x00\x00\xff\x10\x04Too many connections"), "a server of the MySQL protocol"},
		"another web server": {web.Listener.Addr().String(), `a web server ("nginx") answers there`},
		"a mail server":      {speaks("220 mail.example ESMTP\r\n"), "a server of another protocol answers there"},
	} {
		client := NewClient(c.at)
		_, err := client.Status(t.Context())
		client.Close()
		if err == nil || !strings.HasPrefix(err.Error(), "http://"+c.at+" is not Segue's admin API: "+c.want) || !strings.Contains(err.Error(), "give the address that `admin` has") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who changed something is told as far as it is certain: a token that is none, and one that nobody asks for, prove nothing.
func TestWhoHasChangedSomething(t *testing.T) {
	const token = "hunter2"
	for name, c := range map[string]struct {
		access config.Access
		header string
		by     string
	}{
		"anyone, with a word of his own": {config.Access{}, "Bearer x", ""},
		"anyone, with the token":         {config.Access{Token: token, Read: config.Anyone, Write: config.Anyone}, "Bearer " + token, " by token"},
		"anyone, with another token":     {config.Access{Token: token, Read: config.Anyone, Write: config.Anyone}, "Bearer hunter3", ""},
		"with the token":                 {config.Access{Token: token, Write: config.WithToken}, "Bearer " + token, " by token"},
	} {
		s := serveAt(t, "127.0.0.1:0", slog.New(slog.DiscardHandler), c.access)
		code, body, _ := s.request(t, http.MethodPost, "/api/v1/resume", map[string]string{"Authorization": c.header})
		list := s.handler.Audit.Latest(2)
		if len(list) != 1 {
			t.Errorf("%s: %d %s", name, code, body)
			continue
		}
		host, rest, _ := strings.Cut(list[0].By, ":")
		if port := strings.TrimSuffix(rest, c.by); host != "127.0.0.1" || strings.Trim(port, "0123456789") != "" {
			t.Errorf("%s: by %q", name, list[0].By)
		}
	}
}

func TestWhoHasComeBySocket(t *testing.T) {
	s := serve(t)
	path := socketPath(t)
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.handler.Serve(s.ctx, ln) }()
	c := NewClient("unix:" + path)
	defer c.Close()
	if _, err := c.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if who, want := s.handler.Audit.Latest(1)[0].By, fmt.Sprintf("the admin socket (pid %d, uid %d)", os.Getpid(), os.Getuid()); who != want && runtime.GOOS == "linux" {
		t.Errorf("by %q, want %q", who, want)
	}
	c.Close()
	s.stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Of a certificate it is said whose it is, if it counts.
func TestWhoHasACertificate(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "ops"}}}}}
	for counts, want := range map[bool]string{true: r.RemoteAddr + " by the certificate of CN=ops", false: r.RemoteAddr} {
		a := &Access{Access: config.Access{Certificates: counts}}
		if who := by(a.proven(r)); who != want {
			t.Errorf("by %q, want %q", who, want)
		}
	}
}
