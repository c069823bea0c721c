package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
)

func (s *serving) metric(line string) bool {
	s.t.Helper()
	return strings.Contains(s.metrics(), line+"\n")
}

func TestReload(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{})
	path := configFile(t, configuration(fes[:2], ""))
	s := serve(t, nil, "--config", path)
	first, second := s.conn(), s.conn()
	onFirst, onSecond := s.on(first), s.on(second)
	if onFirst == onSecond || !s.metric("segue_config_last_reload_successful 1") {
		t.Fatalf("both on %s, or no first load", onFirst)
	}

	// A bad file changes nothing, and is said.
	writeFile(t, path, configuration(fes[2:], "lisen: :1\n"))
	eventually(t, "refused", func() bool { return s.metric("segue_config_last_reload_successful 0") })
	status := s.segue("status")
	if !strings.Contains(status.stdout, "its last change was refused:\n  "+path+`:3:1: unknown key "lisen"; did you mean "listen"?`) {
		t.Errorf("status:\n%s", status.stdout)
	}
	if !strings.Contains(s.stderr.String(), `unknown key \"lisen\"`) {
		t.Errorf("log:\n%s", s.stderr)
	}
	if list, err := s.client.Backends(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("backends after a bad file: %v, %v", list, err)
	}

	// One is added, one gets another weight: no session notices.
	text := strings.Replace(configuration(fes, ""), "name: fe-2,", "name: fe-2, weight: 7,", 1)
	writeFile(t, path, text)
	eventually(t, "three backends", func() bool { return s.metric("segue_config_last_reload_successful 1") })
	if got := s.backend("fe-2").Weight; got != 7 {
		t.Errorf("weight %d", got)
	}
	eventually(t, "the new one is up", func() bool { return s.segue("status").code == 0 && s.backend("fe-3").Health.String() == "up" })
	if s.on(first) != onFirst || s.on(second) != onSecond {
		t.Error("a session has moved")
	}

	// One is removed: its session moves, the others stay.
	kept, gone, goneConn, keptConn := fes[0], fes[1], second, first
	if onFirst == "fe-2" {
		goneConn, keptConn = first, second
	}
	writeFile(t, path, configuration([]*fesim.FE{kept, fes[2]}, ""))
	eventually(t, "removed", func() bool { _, err := findBackend(t.Context(), s.client, gone.Name()); return err != nil })
	eventually(t, "its session has left", func() bool { return gone.Stats().Open == 0 })
	if got := s.on(goneConn); got == gone.Name() {
		t.Errorf("a session is still on %s", got)
	}
	if got := s.on(keptConn); got != kept.Name() {
		t.Errorf("the other session is on %s", got)
	}
	if s.metric(`segue_backend_health{backend="fe-2",health="up"} 1`) || strings.Contains(s.metrics(), `segue_backend_health{backend="fe-2"`) {
		t.Error("the removed backend still has series")
	}
	for _, want := range []string{"backend fe-3 added", "backend fe-2 weight: 1 -> 7", "backend fe-2 removed"} {
		if !strings.Contains(s.stderr.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// TestReloadKeepsFlags: what a flag said holds after a reload too.
func TestReloadKeepsFlags(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	path := configFile(t, configuration(fes[:1], ""))
	s := serve(t, nil, "--config", path)
	writeFile(t, path, configuration(fes, "listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\n"))
	eventually(t, "two backends", func() bool { list, err := s.client.Backends(t.Context()); return err == nil && len(list) == 2 })
	if strings.Contains(s.stderr.String(), "restart") {
		t.Errorf("the flags win, nothing has changed:\n%s", s.stderr)
	}
}

// TestReloadOfAnAddressNeedsARestart: of the admin API's that is said, and the rest takes effect.
func TestReloadOfAnAddressNeedsARestart(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	path := configFile(t, configuration(fes[:1], "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n"))
	p := start(t, nil, "serve", "--config", path)
	s := &serving{program: p, api: p.prints(`admin: http://(\S+)/`)}
	writeFile(t, path, configuration(fes, "listen: 127.0.0.1:0\nadmin: 127.0.0.2:0\n"))
	eventually(t, "said", func() bool { return strings.Contains(p.stderr.String(), `"keys":["admin"]`) })
	if got := s.segue("backends"); !strings.Contains(got.stdout, "fe-2") {
		t.Errorf("the rest has not taken effect:\n%s%s", got.stdout, got.stderr)
	}
}

// TestSIGHUP: reloads what has not changed too. A password file is read again by itself.
func TestSIGHUP(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{Users: map[string]string{"root": "", "probe": "new"}})
	path := configFile(t, configuration(fes, "health: {user: probe, password_file: secret}\n"))
	secret := filepath.Join(filepath.Dir(path), "secret")
	writeFile(t, secret, "old\n")
	s := serve(t, nil, "--config", path)
	eventually(t, "the login is refused", func() bool { return strings.Contains(s.backend("fe-1").Cause, "probe") })
	s.signal(syscall.SIGHUP)
	eventually(t, "reloaded", func() bool { return strings.Contains(s.stderr.String(), "configuration loaded") })
	writeFile(t, secret, "new\n")
	eventually(t, "a new password", func() bool { return strings.Contains(s.stderr.String(), "health.password changed") })
	if strings.Contains(s.stderr.String(), `"new"`) {
		t.Errorf("the log has the secret:\n%s", s.stderr)
	}

	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	eventually(t, "refused without the secret", func() bool { return s.metric("segue_config_last_reload_successful 0") })
}
