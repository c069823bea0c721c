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
}

func newPlace(c *config.Config, getenv func(string) string) place {
	p := place{given: c.Takeover.Socket}
	if p.given == "" {
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

// socketFile is a listening socket and the file that it is.
type socketFile struct {
	*net.UnixListener
	path string
	is   fs.FileInfo // nil: that could not be found out
}

func newSocketFile(ln *net.UnixListener, path string) *socketFile {
	ln.SetUnlinkOnClose(false) // another process may have it too
	is, err := os.Lstat(path)
	if err != nil {
		is = nil
	}
	return &socketFile{ln, path, is}
}

// openSocket binds one of that mode. A file that a Segue has left behind is replaced; where somebody answers, nothing is.
func openSocket(path string, mode fs.FileMode) (*socketFile, error) {
	ln, err := listenUnix(path, mode)
	if err != nil {
		return nil, err
	}
	return newSocketFile(ln, path), nil
}

// listenUnix binds a socket of that mode; none is open to more processes even for a moment.
func listenUnix(path string, mode fs.FileMode) (*net.UnixListener, error) {
	ln, err := bindUnix(path, mode)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err
	}
	switch info, err := os.Lstat(path); {
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
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return bindUnix(path, mode)
}

// remove takes the file away once the socket has been closed, unless somebody listens there, or it is another file: it may be another process's by now.
func (f *socketFile) remove() {
	if is, err := os.Lstat(f.path); f.is == nil || err != nil || !os.SameFile(f.is, is) {
		return
	}
	if conn, err := net.Dial("unix", f.path); err == nil {
		_ = conn.Close()
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(f.path)
	}
}
