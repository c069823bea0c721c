package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
	"segue/backend/fesim"
)

// drains takes a backend out by hand and waits for its sessions.
func (s *serving) drains(name string) {
	s.t.Helper()
	for _, command := range []string{"drain " + name + " --force --wait", "ready " + name} {
		if got := segue(s.t, []string{"SEGUE_ADMIN=" + s.api}, strings.Fields(command)...); got.code != 0 {
			s.t.Errorf("%s: exit %d %s", command, got.code, got.stderr)
		}
	}
}

// Scrapers and readers of events that have stopped reading, and crowds that say nothing, are in nobody's way.
func TestStuckReadersOfTheAdminAPI(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"scrapers":       strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 500),
		"events":         "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"silent":         "",
		"half a request": "POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fes := frontends(t, 2, fesim.Options{})
			s := printsTo(t, fes, "ulimit -n 300;", nil) // less than what comes
			for range 400 {
				conn, err := net.Dial("tcp", s.api)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)) // it reads no more than it may
				_, _ = io.WriteString(conn, begin)
			}
			for range 3 {
				if err := once(s.addr); err != nil {
					t.Errorf("a client: %v", err)
				}
			}
			s.works(fes[0])
			s.drains("fe-2")
			s.stops()
		})
	}
}

// A name server that does not answer delays neither the statements and probes of other backends nor the end.
func TestSlowResolver(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, strings.Replace(configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)), "backends:\n",
		"backends:\n  - {name: slow, address: 'slow.invalid:9030', health: 'http://slow.invalid:8030/api/health'}\n", 1))
	s := process(t, silentResolver+"=1", nil, "serve", "--config", path).open(addr, api)
	s.db.SetMaxIdleConns(0)
	s.ready()
	began := time.Now()
	for range 5 {
		if err := once(addr); err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("five visits took %s", took)
	}
	s.works(fes[0])
	s.drains(fes[0].Name())
	fes[0].Kill()
	eventually(t, "down", func() bool { return s.backend("fe-1").Health == backend.Down })
	came := make(chan error, 1)
	go func() { came <- once(addr) }() // it is looked up for this one
	eventually(t, "it tries the one with the name", func() bool {
		list, err := s.client.Sessions(t.Context())
		return err == nil && len(list) == 1 && list[0].Backend == "slow"
	})
	began = time.Now()
	s.signal(syscall.SIGTERM)
	eventually(t, "draining", func() bool { return s.client.Ready(t.Context()) != nil })
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %s", took)
	}
	if err := <-came; err == nil {
		t.Error("let in by nobody")
	}
}

// A password file that has become a pipe that nobody writes to holds nothing up: what it said last stays in force, and that is said.
func TestPasswordFileThatIsAPipe(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, "pass\n")
	addr, api := deadAddress(t), deadAddress(t)
	more := fmt.Sprintf("listen: %s\nadmin: %s\nusers: [{name: app, password_file: %s}]\nadmin_token_file: %s\nadmin_write: anyone\n", addr, api, secret, secret)
	s := process(t, "", nil, "serve", "--config", configFile(t, configuration(fes, more))).open(addr, api)
	s.db.SetMaxIdleConns(0)
	s.ready()
	if err := syscall.Mkfifo(secret+".new", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(secret+".new", secret); err != nil {
		t.Fatal(err)
	}
	eventually(t, "said", func() bool { return strings.Contains(s.stderr.String(), "is not a regular file") })
	s.works(fes[0])
	s.drains("fe-2")
	s.stops()
}

// Out of descriptors, the offer of a takeover is waited out as anything that accepts is, and a crowd of strangers writes no log.
func TestOfferOutlivesEMFILE(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := printsTo(t, fes, "", nil)
	path := offerPath(t, s.addr)
	var limit unix.Rlimit
	if err := unix.Prlimit(s.pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 3 // fewer than it has
	if err := unix.Prlimit(s.pid, unix.RLIMIT_NOFILE, &low, nil); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "said", func() bool {
		return strings.Contains(s.stderr.String(), "another Segue that wants to take over has to wait")
	})
	if err := unix.Prlimit(s.pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			time.Sleep(time.Millisecond) // its queue is full
			continue
		}
		conn.Close()
	}
	eventually(t, "taken over", func() bool {
		got, p, err := takeOver(path, wanted{listen: at(s.addr)})
		if err != nil || p == nil {
			return false
		}
		got.close()
		p.spare()
		return true
	})
	if got := len(s.stderr.String()); got > 100_000 {
		t.Errorf("%d bytes of log", got)
	}
	if err := once(s.addr); err != nil {
		t.Error(err)
	}
}
