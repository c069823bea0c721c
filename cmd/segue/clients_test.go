package main

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
	"segue/cmd/internal/admin"
)

// overUnix connects to a socket, and asks.
func overUnix(path string) error {
	db, err := sql.Open("mysql", "root@unix("+path+")/test?timeout=20s&readTimeout=20s")
	if err != nil {
		return err
	}
	defer db.Close()
	var one int
	return db.QueryRow("SELECT 1").Scan(&one)
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		t.Errorf("%s is no socket", path)
	}
	return info.Mode().Perm()
}

// Applications connect by TCP and by UNIX sockets, which come and go with the configuration while sessions stay.
func TestListenOnSeveral(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	first, second, third := filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock"), filepath.Join(dir, "c.sock")
	addr := deadAddress(t)
	file := func(list string) string {
		return configuration(fes, "admin: 127.0.0.1:0\nlisten: ["+list+"]\n")
	}
	path := configFile(t, file(fmt.Sprintf(`%s, "unix:%s", {unix: %s, mode: "0640"}`, addr, first, second)))
	p := start(t, nil, "serve", "--config", path)
	s := &serving{program: p, api: p.prints(`admin: http://(\S+)/`)}
	s.client = admin.NewClient(s.api)
	t.Cleanup(s.client.Close)
	if err := once(addr); err != nil {
		t.Error(err)
	}
	for socket, mode := range map[string]fs.FileMode{first: 0o666, second: 0o640} {
		if err := overUnix(socket); err != nil {
			t.Error(err)
		}
		if got := modeOf(t, socket); got != mode {
			t.Errorf("%s has mode %04o, want %04o", socket, got, mode)
		}
	}
	db, err := sql.Open("mysql", "root@unix("+first+")/test")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stays, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.segue("sessions"); !strings.Contains(got.stdout, fmt.Sprintf("unix (pid %d, uid %d)", os.Getpid(), os.Getuid())) {
		t.Errorf("%s", got.stdout)
	}
	if got := s.segue("status"); !strings.Contains(got.stdout, addr+", unix:"+first+", unix:"+second) {
		t.Errorf("%s", got.stdout)
	}
	reload := func(list string, code int) string {
		writeFile(t, path, file(list))
		got := s.segue("reload")
		if got.code != code {
			t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		return got.stderr
	}
	reload(fmt.Sprintf(`{unix: %s, mode: "0600"}, "unix:%s"`, second, third), 0)
	if _, err := os.Lstat(first); err == nil {
		t.Errorf("%s is still there", first)
	}
	if err := once(addr); err == nil {
		t.Errorf("%s still accepts", addr)
	}
	if got := modeOf(t, second); got != 0o600 {
		t.Errorf("%s has mode %04o", second, got)
	}
	for _, socket := range []string{second, third} {
		if err := overUnix(socket); err != nil {
			t.Error(err)
		}
	}
	var one int
	if err := stays.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); err != nil {
		t.Errorf("a session by a socket that has gone: %v", err)
	}
	// What cannot be bound is refused as a whole.
	if got := reload(fmt.Sprintf(`"unix:%s", "unix:%s"`, third, filepath.Join(dir, "none", "x.sock")), exitUsage); !strings.Contains(got, "make the folder") {
		t.Errorf("%s", got)
	}
	for _, socket := range []string{second, third} {
		if err := overUnix(socket); err != nil {
			t.Error(err)
		}
	}
	_ = stays.Close()
	_ = db.Close()
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is there already is replaced if it is a socket on which nobody answers, and else left alone.
func TestListenOnAPathThatIsTaken(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	path := configFile(t, configuration(fes, ""))
	stale := filepath.Join(dir, "stale.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close()
	live := filepath.Join(dir, "live.sock")
	other, err := net.Listen("unix", live)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "precious")
	for at, want := range map[string]string{live: "somebody else has", file: "is no socket"} {
		got := segue(t, nil, "serve", "--config", path, "--listen", "unix:"+at, "--admin", "127.0.0.1:0")
		if got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit %d\n%s", at, got.code, got.stderr)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("%s, %v", text, err)
	}
	p := start(t, nil, "serve", "--config", path, "--listen", "127.0.0.1:0", "--listen", "unix:"+stale, "--admin", "127.0.0.1:0")
	p.prints(`mysql -S (\S+)`)
	if err := overUnix(stale); err != nil {
		t.Error(err)
	}
	// Somebody else's file in its place is not taken away.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	writeFile(t, stale, "precious")
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if text, err := os.ReadFile(stale); err != nil || string(text) != "precious" {
		t.Errorf("%s, %v", text, err)
	}
}

// All sockets pass to the Segue that takes over, and it binds and closes what its own configuration says. Nobody is turned away.
func TestTakeoverOfUnixSockets(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	dir := t.TempDir()
	first, second, third := filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock"), filepath.Join(dir, "c.sock")
	api := deadAddress(t)
	file := func(list ...string) string {
		return configuration(fes, fmt.Sprintf("admin: %s\nlisten: ['unix:%s']\n", api, strings.Join(list, "', 'unix:")))
	}
	path := configFile(t, file(first, second))
	takeover := func() *program {
		p := process(t, "", nil, "serve", "--config", path, "--takeover")
		p.prints(`mysql -S (\S+)`)
		return p
	}
	now := takeover()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	visits, ended := make(chan struct{}), make(chan struct{}, 4)
	for range cap(ended) {
		go func() {
			defer func() { ended <- struct{}{} }()
			for ctx.Err() == nil {
				if err := overUnix(first); err != nil {
					t.Errorf("a visitor: %v", err)
					return
				}
				select {
				case visits <- struct{}{}:
				default:
				}
			}
		}()
	}
	more := func() {
		for range 20 {
			<-visits
		}
	}
	for i := range 3 {
		more()
		if i == 2 {
			writeFile(t, path, file(first, third))
			eventually(t, "the third", func() bool { return overUnix(third) == nil })
			if err := overUnix(second); err == nil {
				t.Error("the second is still there")
			}
		}
		next := takeover()
		more()
		if code := now.wait(); code != 0 || !strings.Contains(now.stderr.String(), `"msg":"another Segue has taken over"`) {
			t.Errorf("the old one: exit %d", code)
		}
		now = next
	}
	if err := overUnix(third); err != nil {
		t.Error(err)
	}
	cancel()
	for range cap(ended) {
		<-ended
	}
	now.signal(syscall.SIGTERM)
	if code := now.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A service manager may pass UNIX sockets, and several for applications. Their files are its own.
func TestUnixSocketsOfTheServiceManager(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	var files []*os.File
	var paths []string
	for _, name := range []string{"a.sock", "b.sock"} {
		path := filepath.Join(dir, name)
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, paths = append(files, f), append(paths, path)
	}
	p := process(t, "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=listen:listen", files, "serve", "--config", configFile(t, configuration(fes, "")), "--admin", "127.0.0.1:0")
	p.prints(`mysql -S (\S+)`)
	for _, path := range paths {
		if err := overUnix(path); err != nil {
			t.Error(err)
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, path := range paths {
		modeOf(t, path)
	}
}

// Where TLS is required nobody can listen on a UNIX socket either.
func TestRequiredTLSAndUnixSockets(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, path := deadAddress(t), filepath.Join(t.TempDir(), "s.sock")
	file := configFile(t, configuration(fes, fmt.Sprintf("admin: 127.0.0.1:0\nlisten: [%s, 'unix:%s']\ntls: {mode: required, self_signed: true}\n", addr, path)))
	start(t, nil, "serve", "--config", file).prints(`mysql -S (\S+)`)
	if err := once(addr); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("by TCP: %v", err)
	}
	if err := overUnix(path); err != nil {
		t.Errorf("by the socket: %v", err)
	}
}
