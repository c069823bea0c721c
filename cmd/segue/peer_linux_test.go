package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/backend/fesim"
)

func TestSameUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		uid, own, overflow int
		want               string // empty: it is
	}{
		{"root", 0, 0, 65534, ""},
		{"a user", 1000, 1000, 65534, ""},
		{"another", 1001, 1000, 65534, "it is user 1001's, this is user 1000's"},
		{"root, asking a user", 0, 1000, 65534, "it is user 0's, this is user 1000's"},
		{"a stranger in a user namespace", 65534, 0, 65534, "shows as user 65534"},
		{"both without a number", 65534, 65534, 65534, "shows as user 65534"},
		{"as the kernel is told to show them", 4000, 4000, 4000, "shows as user 4000"},
		{"nobody, who has a number then", 65534, 65534, 4000, ""},
	} {
		err := sameUser(test.uid, test.own, test.overflow)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestOverflowUID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"65534\n": 65534, "4000\n": 4000, "": 65534, "none\n": 65534} {
		if got := overflowUID(func(string) ([]byte, error) { return []byte(text), nil }); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := overflowUID(func(string) ([]byte, error) { return nil, os.ErrPermission }); got != 65534 {
		t.Errorf("without /proc: %d", got)
	}
	if got := overflowUID(os.ReadFile); got <= 0 {
		t.Errorf("here: %d", got)
	}
}

// namespaced runs segue serve in a user namespace without numbers: in there this test's user, and every other, is the overflow uid, as Segue's own
// is. It needs a kernel that lets this user make one (unshare -U), as any that is not told otherwise does.
const namespaced = `exec unshare --user "$0" "$@";`

// A Segue to whom everybody looks like itself gives its sockets to nobody.
func TestSocketsAreNotGivenToTheOverflowUser(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := printsTo(t, fes, namespaced, nil)
	if _, p, err := takeOver(offerPath(t, s.addr), wanted{listen: at(s.addr)}); p != nil || err == nil {
		t.Errorf("%v, %v", p, err)
	}
	eventually(t, "said", func() bool { return strings.Contains(s.stderr.String(), "kernel.overflowuid") })
	if err := once(s.addr); err != nil {
		t.Error(err)
	}
}

// The file of the offer is this user's alone, whatever the umask; it is another's business once another has it, and goes with the last.
func TestFileOfTheOffer(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"umask 0;", "umask 0577;"} {
		fes := frontends(t, 1, fesim.Options{})
		s := printsTo(t, fes, umask, nil)
		info, err := os.Lstat(offerPath(t, s.addr))
		if err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("%v, %v", info, err)
		}
		s.signal(syscall.SIGTERM)
		if code := s.wait(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if _, err := os.Lstat(offerPath(t, s.addr)); !os.IsNotExist(err) {
			t.Errorf("left behind: %v", err)
		}
	}
}

// What is left of a Segue that was killed keeps nobody from offering; what is no such thing is not touched.
func TestPlaceOfTheOfferThatIsTaken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		occupy func(t *testing.T, path string)
		want   string // in the log; empty: it is replaced
	}{
		"left by one that was killed": {func(t *testing.T, path string) {
			t.Helper()
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			ln.Close()
		}, ""},
		"somebody listens": {func(t *testing.T, path string) {
			t.Helper()
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
		}, "somebody else has"},
		"a file":    {func(_ *testing.T, path string) { _ = os.WriteFile(path, []byte("x"), 0o600) }, "is there, and is no socket"},
		"no folder": {func(_ *testing.T, path string) { _ = os.Remove(filepath.Dir(path)) }, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "segue") //nolint:usetesting // the path of a socket is short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "t.sock")
			test.occupy(t, path)
			fes := frontends(t, 1, fesim.Options{})
			s := serve(t, nil, "--config", configFile(t, configuration(fes, "takeover: {socket: "+path+"}\n")))
			if err := once(s.addr); err != nil {
				t.Error(err)
			}
			_, p, err := takeOver(path, wanted{listen: at(s.addr)})
			if offered := p != nil; offered != (test.want == "") {
				t.Errorf("offered: %v, %v", offered, err)
			}
			if p != nil {
				p.spare()
			}
			for _, want := range []string{"no other Segue can take over from this one", test.want} {
				if test.want != "" && !strings.Contains(s.stderr.String(), want) {
					t.Errorf("not said: %s", want)
				}
			}
		})
	}
}

func TestOfferSwitchedOff(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "takeover: {offer: false}\n")))
	if _, p, err := takeOver(offerPath(t, s.addr), wanted{listen: at(s.addr)}); p != nil || err != nil {
		t.Errorf("%v, %v", p, err)
	}
}

func TestRuntimeDir(t *testing.T) {
	above := t.TempDir()
	for _, test := range []struct {
		env  []string
		want string
	}{
		{[]string{"RUNTIME_DIRECTORY=/run/a:/run/b", "XDG_RUNTIME_DIR=" + above}, "/run/a"},
		{[]string{"RUNTIME_DIRECTORY=:", "XDG_RUNTIME_DIR=" + above}, above + "/segue"},
		{[]string{"RUNTIME_DIRECTORY=:", "XDG_RUNTIME_DIR=" + above + "/none"}, ""},
	} {
		got, err := runtimeDir(getenv(test.env), 1000)
		if got != test.want || (err == nil) != (got != "") {
			t.Errorf("%v: %q, %v", test.env, got, err)
		}
	}
	if info, err := os.Stat(above + "/segue"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

// Whoever sits where a Segue would offer its sockets, and is another user or nobody's, is no Segue: the start is one like any other.
func TestStrangerAtThePlaceOfTheOffer(t *testing.T) {
	t.Parallel()
	for name, full := range map[string]bool{"answers": false, "does not even accept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fes := frontends(t, 1, fesim.Options{})
			addr, api := deadAddress(t), deadAddress(t)
			path := offerPath(t, addr)
			stranger := squat(t, path, full)
			fe := fes[0]
			s := process(t, namespaced, nil, "serve", "--listen", addr, "--admin", api, "--takeover", fe.MySQLAddress()).open(addr, api)
			s.prints(`listens on (\S+),`)
			if err := once(addr); err != nil {
				t.Error(err)
			}
			for _, want := range []string{`"msg":"nothing to take over: a start like any other"`, `"msg":"no other Segue can take over from this one"`} {
				if !strings.Contains(s.stderr.String(), want) {
					t.Errorf("not said: %s", want)
				}
			}
			if got := stranger(); got > 0 {
				t.Errorf("the stranger was sent %d bytes", got)
			}
			s.signal(syscall.SIGTERM)
			if code := s.wait(); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// squat listens at a path; full: with a queue that has no room. stranger is how many bytes who has connected has sent.
func squat(t *testing.T, path string, full bool) (stranger func() int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd); os.Remove(path) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // in a user namespace Segue is somebody else
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	if full {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := net.Dial("unix", path); !errors.Is(err, syscall.EAGAIN) {
			t.Fatalf("there is still room: %v", err)
		}
		return func() int { return 0 }
	}
	return func() int {
		c, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(c)
		n, _ := syscall.Read(c, make([]byte, 1))
		return n
	}
}
