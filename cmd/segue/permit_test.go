package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// boundFile is a socket in a folder of its own.
func boundFile(t *testing.T) *socketFile {
	t.Helper()
	f, err := openSocket(filepath.Join(t.TempDir(), "a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if got := modeOf(t, f.path); got != privateMode {
		t.Errorf("it is bound with mode %04o", got)
	}
	return f
}

// Only the socket itself gets permissions: what somebody has put in its place, or a symbolic link there leads to, keeps its own.
func TestPermitOnlyTheSocket(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, victim string) error{
		"symbolic link":  func(path, victim string) error { return os.Symlink(victim, path) },
		"another file":   func(path, victim string) error { return os.Link(victim, path) },
		"another socket": func(path, victim string) error { return os.Link(victim+".sock", path) },
		"nothing":        func(string, string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := boundFile(t)
			victim := filepath.Join(t.TempDir(), "victim")
			writeFile(t, victim, "precious")
			other, err := openSocket(victim + ".sock")
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if err := os.Chmod(victim, privateMode); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove(f.path), replace(f.path, victim)); err != nil {
				t.Fatal(err)
			}
			if err := f.permit(0o666, "", "group"); err == nil {
				t.Error("no error")
			}
			for _, path := range []string{victim, victim + ".sock"} {
				if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != privateMode {
					t.Errorf("%s has %v, %v", path, info.Mode(), err)
				}
			}
		})
	}
}

// A socket has what the configuration says and nothing of what another one has said before.
func TestPermitTakesBack(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		return // who a file's group is cannot be told
	}
	f := boundFile(t)
	for _, c := range []struct {
		mode  fs.FileMode
		group string
		gid   int
	}{{0o666, "", os.Getegid()}, {0o660, "12345", 12345}, {0o660, "", os.Getegid()}, {0o600, "", os.Getegid()}} {
		if c.group != "" && os.Geteuid() != 0 {
			continue // only root gives files away
		}
		if err := f.permit(c.mode, c.group, "group"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(f.path)
		if err != nil || info.Mode().Perm() != c.mode || groupOf(info) != c.gid {
			t.Errorf("%04o %q: mode %v, group %d, %v", c.mode, c.group, info.Mode(), groupOf(info), err)
		}
	}
}

// noted is what happens to a file.
type noted struct {
	modes []fs.FileMode
	gid   int
}

func (n *noted) chgrp(gid int) error          { n.gid = gid; n.modes = append(n.modes, 0); return nil }
func (n *noted) chmod(mode fs.FileMode) error { n.modes = append(n.modes, mode); return nil }

// Between two permissions no group has the other's mode.
func TestPermitOrder(t *testing.T) {
	t.Parallel()
	f := boundFile(t)
	if err := f.permit(0o660, "", "group"); err != nil {
		t.Fatal(err)
	}
	has, err := os.Lstat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	const change = 0
	for _, c := range []struct {
		mode fs.FileMode
		gid  int
		want []fs.FileMode
	}{
		{0o660, groupOf(has), nil},
		{0o600, groupOf(has), []fs.FileMode{0o600}},
		{0o660, 12345, []fs.FileMode{change}},
		{0o640, 12345, []fs.FileMode{0o640, change}},
		{0o606, 12345, []fs.FileMode{0o600, change, 0o606}},
	} {
		n := &noted{}
		if err := setPermissions(n, has, c.mode, c.gid); err != nil || !slices.Equal(n.modes, c.want) {
			t.Errorf("to %04o of %d: %04o, %v", c.mode, c.gid, n.modes, err)
		}
	}
}

// Of several that find the same socket left behind one gets its place, and keeps it.
func TestOpenSocketLeftBehindAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sock")
	for range 50 {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		_ = ln.Close()
		var wg sync.WaitGroup
		got := make(chan *socketFile, 4)
		for range cap(got) {
			wg.Go(func() {
				if f, err := openSocket(path); err == nil {
					got <- f
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("%d have it", len(got))
		}
		f := <-got
		if conn, err := net.Dial("unix", path); err != nil {
			t.Fatal(err)
		} else {
			_ = conn.Close()
		}
		_ = f.Close()
		f.remove()
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// Who else holds the lock is not waited for for ever.
func TestLockedFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sock")
	defer lockFolder(path)()
	began := time.Now()
	f, err := openSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if took := time.Since(began); took < lockPatience {
		t.Errorf("it has not waited: %s", took)
	}
}
