package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"segue/config"
)

// runtimeDir is the folder for a socket that other processes of this user find: the one that the service manager has made for this unit, or
// the user's. It is made if only its last part is missing. Empty: there is none, of which err tells.
func runtimeDir(getenv func(string) string, uid int) (dir string, err error) {
	if given, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); given != "" {
		return given, nil
	}
	above := getenv("XDG_RUNTIME_DIR")
	switch {
	case above != "":
	case uid == 0:
		above = "/run"
	default:
		above = filepath.Join("/run/user", strconv.Itoa(uid))
	}
	dir = filepath.Join(above, "segue")
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// offerName is the name of the socket by which the Segue that serves applications at an address can be taken over from.
func offerName(at net.Addr) string {
	if u, ok := at.(*net.UnixAddr); ok {
		h := fnv.New64a()
		_, _ = h.Write([]byte(u.Name))
		return fmt.Sprintf("takeover-unix-%016x.sock", h.Sum64()) // a path in a path may be too long
	}
	a, _ := at.(*net.TCPAddr)
	if a == nil {
		return "takeover.sock"
	}
	host := ""
	if a.IP != nil && !a.IP.IsUnspecified() {
		host = a.IP.String()
	}
	return fmt.Sprintf("takeover-%s:%d.sock", host, a.Port)
}

// place tells the path of that socket.
type place struct {
	given string // takeover.socket
	dir   string // for one without a name of its own; empty: there is none
	err   error  // why
	run   string // systemd's INVOCATION_ID, if dir is the folder of a unit: of which run of it this process is
}

func newPlace(c *config.Config, getenv func(string) string) place {
	p := place{given: c.Takeover.Socket}
	if p.given == "" {
		if getenv("RUNTIME_DIRECTORY") != "" {
			p.run = getenv("INVOCATION_ID")
		}
		p.dir, p.err = runtimeDir(getenv, os.Geteuid())
	}
	return p
}

// errNoFolder is what place.of says where nothing is configured and there is no folder by default, as in many a container.
var errNoFolder = errors.New("there is no folder for its socket")

// of is where it is for an address.
func (p place) of(at net.Addr) (string, error) {
	switch {
	case p.given != "":
		return p.given, nil
	case p.dir == "":
		return "", fmt.Errorf("%w: %w; name one with takeover.socket, or set RUNTIME_DIRECTORY", errNoFolder, p.err)
	}
	return filepath.Join(p.dir, offerName(at)), nil
}

// ofUnit are the paths of all offers in the folder of this process's unit: the Segue that the unit runs may serve other addresses than the configuration has, by
// flags that this process has not been given, or by sockets of systemd.
func (p place) ofUnit() []string {
	if p.run == "" {
		return nil
	}
	paths, _ := filepath.Glob(filepath.Join(p.dir, "takeover*.sock")) // the pattern is good
	return paths
}

// socketFile is a listening socket and the file that it is.
type socketFile struct {
	*net.UnixListener
	path  string
	is    fs.FileInfo // nil: that could not be found out
	bound bool        // by this process
}

func newSocketFile(ln *net.UnixListener, path string) *socketFile {
	ln.SetUnlinkOnClose(false) // another process may have it too
	is, err := os.Lstat(path)
	if err != nil {
		is = nil
	}
	return &socketFile{UnixListener: ln, path: path, is: is}
}

// openSocket binds one that its own user alone may connect to. A file that a Segue has left behind is replaced; where somebody answers, nothing is.
func openSocket(path string) (*socketFile, error) {
	ln, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	f := newSocketFile(ln, path)
	f.bound = true
	if err := f.opened(func(has fs.FileInfo, p permitter) error { return setPermissions(p, has, privateMode, groupOf(has)) }); err != nil {
		_ = f.Close()
		f.remove()
		return nil, err
	}
	return f, nil
}

// listenUnix binds a socket where there is none that somebody answers on.
func listenUnix(path string) (*net.UnixListener, error) {
	defer lockFolder(path)()
	ln, err := bindUnix(path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there, and is no socket", path)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("somebody else has %s", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("somebody else may have %s: %w", path, innermost(err))
	}
	if err := removeFile(path, info); err != nil {
		return nil, err
	}
	return bindUnix(path)
}

// remove takes the file away once the socket has been closed, unless somebody listens there, or it is another file: it may be another process's by now.
func (f *socketFile) remove() {
	defer lockFolder(f.path)()
	if is, err := os.Lstat(f.path); f.is == nil || err != nil || !os.SameFile(f.is, is) {
		return
	}
	if conn, err := net.Dial("unix", f.path); err == nil {
		_ = conn.Close()
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = removeFile(f.path, f.is)
	}
}

// removeFile removes a file if it is still the one that it was.
func removeFile(path string, was fs.FileInfo) error {
	is, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(was, is) {
		return fmt.Errorf("somebody else has %s", path)
	}
	return os.Remove(path)
}

// lockPatience is how long another Segue is waited for that looks after its socket in the same folder: that takes no time, and who else holds the lock means
// something else, or no good.
const lockPatience = time.Second

// lockFolder has one Segue at a time look whether anybody answers on a socket, and replace or remove its file: of two that find the same one left behind, the
// second could take the first one's new socket away. unlock ends that. Where the folder cannot be locked, it is left at that.
func lockFolder(path string) (unlock func()) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return func() {}
	}
	for until := time.Now().Add(lockPatience); ; time.Sleep(shortPause) {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(until) {
			return func() { _ = folder.Close() }
		}
	}
}
