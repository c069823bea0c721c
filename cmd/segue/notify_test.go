package main

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
)

// manager is the other end of sd_notify.
func manager(t *testing.T) (socket string, told <-chan string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan string, 1000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			messages <- string(buf[:n])
		}
	}()
	t.Cleanup(func() { conn.Close(); <-ended })
	return socket, messages
}

func TestSystemd(t *testing.T) {
	t.Parallel()
	socket, told := manager(t)
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, []string{"NOTIFY_SOCKET=" + socket}, "--config", configFile(t, configuration(fes, "drain: {timeout: 30s}\n")))
	next := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-told:
				if strings.HasPrefix(got, "STATUS=") && !strings.HasPrefix(want, "STATUS=") {
					continue // between the others at any time
				}
				if got != want {
					t.Fatalf("told %q, want %q", got, want)
				}
				return
			case <-time.After(patience):
				t.Fatalf("not told %q", want)
			}
		}
	}
	next("READY=1\nSTATUS=1 of 1 backend up")
	next("STATUS=1 of 1 backend up")
	s.signal(syscall.SIGHUP)
	next("RELOADING=1")
	next("READY=1\nSTATUS=1 of 1 backend up")
	s.signal(syscall.SIGTERM)
	next("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=40000000")
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestSystemdGone: nobody listening is no reason to fail.
func TestSystemdGone(t *testing.T) {
	(&systemd{socket: filepath.Join(t.TempDir(), "none")}).ready("x")
	(&systemd{}).stopping("draining", time.Second)
	(&systemd{socket: "@segue-test-abstract-none"}).reloading()
}
