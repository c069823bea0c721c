package main

import (
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
	"segue/config"
)

// unixFile is a configuration that listens on UNIX sockets.
func unixFile(fes []*fesim.FE, api string, list ...string) string {
	return configuration(fes, fmt.Sprintf("admin: %s\nlisten: ['unix:%s']\n", api, strings.Join(list, "', 'unix:")))
}

// The next Segue finds this one whatever reloads have done to the addresses.
func TestTakeoverAfterAnotherList(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	first, second, third := filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock"), filepath.Join(dir, "c.sock")
	api := deadAddress(t)
	path := configFile(t, unixFile(fes, api, first, second))
	runtime := t.TempDir()
	takeover := func() *program {
		p := process(t, "RUNTIME_DIRECTORY="+runtime, nil, "serve", "--config", path, "--takeover")
		p.prints(`mysql -S (\S+)`)
		return p
	}
	offers := func() int {
		list, err := filepath.Glob(filepath.Join(runtime, "takeover-*.sock"))
		if err != nil {
			t.Error(err)
		}
		return len(list)
	}
	now := takeover()
	for _, list := range [][]string{{second, third}, {third}, {third, first}, {first}} {
		s := &serving{program: now, api: api, client: admin.NewClient(api)}
		writeFile(t, path, unixFile(fes, api, list...))
		if got := s.segue("reload"); got.code != 0 {
			t.Fatalf("%s%s", got.stdout, got.stderr)
		}
		s.client.Close()
		if n := offers(); n != 1 {
			t.Errorf("%d offers after the reload", n)
		}
		next := takeover()
		if code := now.wait(); code != 0 {
			t.Errorf("the old one: exit %d", code)
		}
		if now = next; strings.Contains(now.stderr.String(), "nothing to take over") {
			t.Errorf("%s", now.stderr)
		}
		for _, socket := range list {
			if err := overUnix(socket); err != nil {
				t.Error(err)
			}
		}
	}
	now.signal(syscall.SIGTERM)
	if code := now.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if n := offers(); n != 0 {
		t.Errorf("%d offers are left behind", n)
	}
}

// What a service manager has passed stays what it is at a takeover, though the configuration does not have it: the sockets and their files.
func TestTakeoverOfPassedSockets(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	var files []*os.File
	var paths []string
	for _, name := range []string{"a.sock", "b.sock", "api.sock"} {
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
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		files, paths = append(files, f), append(paths, path)
	}
	path := configFile(t, unixFile(fes, "127.0.0.1:0", paths[1])) // neither the first nor the API's
	now := process(t, "LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=listen:listen:admin", files, "serve", "--config", path)
	now.prints(`mysql -S (\S+)`)
	for range 2 {
		next := process(t, "", nil, "serve", "--config", path, "--takeover")
		next.prints(`mysql -S (\S+)`)
		if code := now.wait(); code != 0 {
			t.Errorf("the old one: exit %d", code)
		}
		now = next
		for _, path := range paths[:2] {
			if err := overUnix(path); err != nil {
				t.Error(err)
			}
		}
		c := admin.NewClient("unix:" + paths[2])
		if _, err := c.Status(t.Context()); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	now.signal(syscall.SIGTERM)
	if code := now.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, path := range paths {
		if mode := modeOf(t, path); mode != 0o640 {
			t.Errorf("%s has mode %04o", path, mode)
		}
	}
}

// A Segue that takes over has its own configuration's permissions hold, and leaves nothing behind if it does not come to serve.
func TestTakeoverAndFiles(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	dir := t.TempDir()
	socket, api, more := filepath.Join(dir, "a.sock"), filepath.Join(dir, "api.sock"), filepath.Join(dir, "more.sock")
	file := func(mode string) string {
		return configuration(fes, fmt.Sprintf("admin: unix:%s\nadmin_mode: %q\nlisten: [{unix: %s, mode: %q}]\n", api, mode, socket, mode))
	}
	modes := func(want fs.FileMode) {
		t.Helper()
		for _, path := range []string{socket, api} {
			if got := modeOf(t, path); got != want {
				t.Errorf("%s has mode %04o, want %04o", path, got, want)
			}
		}
	}
	old := process(t, "", nil, "serve", "--config", configFile(t, file("0660")))
	old.prints(`mysql -S (\S+)`)
	modes(0o660)
	failed := process(t, "", nil, "serve", "--takeover", "--listen", "unix:"+socket, "--listen", "unix:"+more, "--admin", "unix:"+api, deadAddress(t))
	if code := failed.wait(); code != exitFailed {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Lstat(more); err == nil {
		t.Errorf("%s is left behind", more)
	}
	if err := overUnix(socket); err != nil {
		t.Error(err)
	}
	process(t, "", nil, "serve", "--takeover", "--config", configFile(t, file("0600"))).prints(`mysql -S (\S+)`)
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	modes(0o600)
}

// An address that the one of this very process stands in the way of is refused by that reason.
func TestRebindThePort(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	c := &clientSockets{list: []*clientSocket{newClientSocket(ln, true)}}
	_, err = c.bind([]config.Listen{{Address: fmt.Sprintf(":%d", port)}})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("Segue itself has the port, on 127.0.0.1:%d; a change between the two needs a restart", port)) {
		t.Error(err)
	}
}

// Once it is known that a socket stands for a name, it does without a look-up.
func TestKnownByItsName(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := newClientSocket(ln, true)
	c := &clientSockets{list: []*clientSocket{s}}
	name := fmt.Sprintf("localhost:%d", ln.Addr().(*net.TCPAddr).Port)
	if c.know([]config.Listen{{Address: "127.0.0.1:1"}}) || !c.know([]config.Listen{{Address: name}}) || s.given != name {
		t.Errorf("it is known for %q", s.given)
	}
}
