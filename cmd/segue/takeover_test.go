package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/cmd/internal/admin"
	"segue/config"
)

// process runs a command line in a process of its own, which sh prepares: its variables, its descriptors.
func process(t *testing.T, prepare string, files []*os.File, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, stdout: &text{}, stderr: &text{}, exited: make(chan struct{}), signalsSet: make(chan struct{})}
	cmd := exec.Command("sh", append([]string{"-c", prepare + ` exec "$0" "$@"`, self}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = p.stdout, p.stderr, files
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	signals := make(chan os.Signal)
	p.signals = signals
	close(p.signalsSet)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s)
			case <-p.exited:
				return
			}
		}
	}()
	go func() {
		defer close(p.exited)
		_ = cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("stdout of %v:\n%s\nstderr:\n%s", args, p.stdout, p.stderr)
		}
	})
	return p
}

// visitors connect, ask and quit until they are told to stop.
type visitors struct {
	t      *testing.T
	visits atomic.Int64
	stop   func()
}

func visit(t *testing.T, addr string) *visitors {
	t.Helper()
	v := &visitors{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := once(addr); err != nil {
					t.Errorf("a visitor: %v", err)
					return
				}
				v.visits.Add(1)
			}
		})
	}
	v.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(v.stop)
	return v
}

// more waits until so many more visits have been paid.
func (v *visitors) more(n int64) {
	v.t.Helper()
	before := v.visits.Load()
	eventually(v.t, "more visits", func() bool { return v.visits.Load() >= before+n })
}

func once(addr string) error {
	db, err := sql.Open("mysql", "root@tcp("+addr+")/test?timeout=20s&readTimeout=20s")
	if err != nil {
		return err
	}
	defer db.Close()
	var one int
	return db.QueryRow("SELECT 1").Scan(&one)
}

// open is a Segue that a test talks to.
func (p *program) open(addr, api string) *serving {
	p.t.Helper()
	s := &serving{program: p, addr: addr, api: api, client: admin.NewClient(api)}
	var err error
	if s.db, err = sql.Open("mysql", "root@tcp("+addr+")/test"); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.db.Close(); s.client.Close() })
	return s
}

// takeOverFrom starts a Segue that takes over from the one at addr, if there is one.
func takeOverFrom(t *testing.T, path, addr, api string) *serving {
	t.Helper()
	p := process(t, "", nil, "serve", "--config", path, "--takeover")
	p.prints(`listens on (\S+),`)
	return p.open(addr, api)
}

// One process after the other takes over while clients come and go. Nobody is turned away, and what runs on the old one ends in peace.
func TestTakeover(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	takeover := func() *serving { return takeOverFrom(t, path, addr, api) }
	now := takeover() // there is nobody: a start like any other
	visitors := visit(t, addr)
	began := time.Now() // about when the first one has begun to know anything
	for range 3 {
		visitors.more(50)
		idle, inTransaction, busy := now.conn(), now.conn(), now.conn()
		now.on(idle)
		tx, err := inTransaction.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('takeover')"); err != nil {
			t.Fatal(err)
		}
		answer := make(chan error, 1)
		go func() {
			var zero int
			answer <- busy.QueryRowContext(t.Context(), "SELECT SLEEP(1)").Scan(&zero)
		}()
		eventually(t, "busy", func() bool {
			list, err := now.client.Sessions(t.Context())
			return err == nil && strings.Contains(fmt.Sprint(list), "busy")
		})
		next := takeover()
		if err := next.client.Ready(t.Context()); err != nil {
			t.Errorf("the new one: %v", err)
		}
		eventually(t, "the history to go on", func() bool {
			past, err := next.client.History(t.Context(), time.Hour, 300)
			return err == nil && !past.Began.IsZero() && past.Began.Before(began) && len(past.Lanes) == 2
		})
		visitors.more(50)
		if err := <-answer; err != nil {
			t.Errorf("the statement that ran: %v", err)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('takeover')"); err != nil {
			t.Errorf("in the transaction: %v", err)
		}
		if err := tx.Commit(); err != nil {
			t.Errorf("the transaction: %v", err)
		}
		for range 3 {
			now.on(idle)
		}
		if strings.Contains(now.stderr.String(), `"msg":"draining"`) {
			t.Error("the old one drains while it has sessions and time")
		}
		now.db.Close()
		for _, c := range []*sql.Conn{idle, inTransaction, busy} {
			c.Close()
		}
		if code := now.wait(); code != 0 || !strings.Contains(now.stderr.String(), `"msg":"another Segue has taken over"`) {
			t.Errorf("the old one: exit %d", code)
		}
		now = next
	}
	visitors.more(50)
	visitors.stop()
	now.signal(syscall.SIGTERM)
	if code := now.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// Sessions that outlast drain.takeover_timeout, or a SIGTERM, end as those of any Segue that stops.
func TestTakeoverThatEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout string
		end     func(old *serving)
	}{
		"timeout": {"100ms", func(*serving) {}},
		"off":     {"0s", func(*serving) {}},
		"SIGTERM": {"1h", func(old *serving) { old.signal(syscall.SIGTERM) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fes := frontends(t, 1, fesim.Options{})
			addr, api := deadAddress(t), deadAddress(t)
			path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\ndrain: {takeover_timeout: %s}\n", addr, api, test.timeout)))
			old := takeOverFrom(t, path, addr, api)
			idle := old.conn()
			old.on(idle)
			takeOverFrom(t, path, addr, api)
			eventually(t, "taken over", func() bool {
				return strings.Contains(old.stderr.String(), `"msg":"going on for the sessions that are left","sessions":1`)
			})
			test.end(old)
			if code := old.wait(); code != 0 || !strings.Contains(old.stderr.String(), `"msg":"draining"`) {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// A new one that is no good changes nothing: the old one goes on, and can be taken over from later.
func TestTakeoverThatFails(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	old := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	blind := segue(t, nil, "serve", "--listen", old.addr, "--admin", old.api, "--takeover", deadAddress(t))
	if blind.code != exitFailed || !strings.Contains(blind.stderr, "0 of 1 backend up; it goes on; `segue check`") {
		t.Errorf("exit %d\n%s", blind.code, blind.stderr)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	if got := segue(t, nil, "serve", "--listen", old.addr, "--admin", taken, "--takeover", "127.0.0.2:1"); got.code != exitFailed || !strings.Contains(got.stderr, "admin on "+taken+": address already in use") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	if mistake := segue(t, nil, "serve", "--listen", old.addr, "--admin", old.api, "127.0.0.2:1"); mistake.code != exitFailed || !strings.Contains(mistake.stderr, "is another Segue or a server using it?") {
		t.Errorf("exit %d\n%s", mistake.code, mistake.stderr)
	}
	if err := once(old.addr); err != nil {
		t.Error(err)
	}
	next := start(t, nil, "serve", "--config", configFile(t, configuration(fes, "")), "--listen", old.addr, "--admin", "127.0.0.1:0", "--takeover")
	if api := next.prints(`admin: http://(\S+)/`); api == old.api {
		t.Errorf("the admin API is on %s, not on an address of its own", api)
	}
	if code := old.wait(); code != 0 {
		t.Errorf("the old one: exit %d", code)
	}
	if err := once(old.addr); err != nil {
		t.Error(err)
	}
}

// managed is a socket that a service manager has bound, and the file by which it passes it.
func managed(t *testing.T) (net.Listener, *os.File) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return ln, file
}

// systemd's sockets outlive the process: who comes meanwhile waits in their queue.
func TestSocketsOfTheServiceManager(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	ln, socket := managed(t)
	path := configFile(t, configuration(fes, ""))
	begin := func() *program {
		return process(t, "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=listen", []*os.File{socket}, "serve", "--config", path, "--admin", "127.0.0.1:0")
	}
	addr := ln.Addr().String()
	p := begin()
	if got := p.prints(`listens on (\S+),`); got != addr {
		t.Fatalf("listens on %s, not on %s", got, addr)
	}
	visitors := visit(t, addr)
	for range 3 {
		visitors.more(50)
		p.signal(syscall.SIGTERM)
		if code := p.wait(); code != 0 {
			t.Errorf("exit %d", code)
		}
		p = begin()
		p.prints(`listens on (\S+),`)
	}
	visitors.more(50)
	visitors.stop()
}

func TestBadSocketsOfTheServiceManager(t *testing.T) {
	t.Parallel()
	ln, tcp := managed(t)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	conn, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	connected, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	for prepare, test := range map[string]struct {
		files []*os.File
		want  string
	}{
		"LISTEN_FDS=x":  {nil, "LISTEN_FDS=x: Segue takes up to 17 sockets"},
		"LISTEN_FDS=18": {nil, "LISTEN_FDS=18: Segue takes up to 17 sockets"},
		"LISTEN_FDS=13 LISTEN_FDNAMES=" + strings.Repeat("listen:", 12) + "listen":         {slices.Repeat([]*os.File{tcp}, 13), "more than 12 sockets are named listen"},
		"LISTEN_FDS=2 LISTEN_FDNAMES=listen":                                               {[]*os.File{tcp, tcp}, "LISTEN_FDNAMES=listen: names 1 of 2 sockets"},
		"LISTEN_FDS=5 LISTEN_FDNAMES=" + strings.Repeat("load.listen:", 4) + "load.listen": {slices.Repeat([]*os.File{tcp}, 5), "more than 4 sockets are named load.listen"},
		"LISTEN_FDS=2 LISTEN_FDNAMES=admin:admin":                                          {[]*os.File{tcp, tcp}, "socket 4 is a second one that is named admin"},
		"LISTEN_FDS=1 LISTEN_FDNAMES=segue.socket":                                         {[]*os.File{tcp}, `socket 3 is named "segue.socket"; write FileDescriptorName=listen`},
		"LISTEN_FDS=1":                       {[]*os.File{file}, "LISTEN_FDS: socket 3, listen: getsockopt: socket operation on non-socket"},
		"LISTEN_FDS=1 LISTEN_FDNAMES=listen": {[]*os.File{connected}, "it is no socket that listens; it takes ListenStream=HOST:PORT or ListenStream=PATH, without Accept=yes"},
	} {
		p := process(t, "LISTEN_PID=$$ "+prepare, test.files, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "127.0.0.2:1")
		if code := p.wait(); code != exitUsage || !strings.Contains(p.stderr.String(), test.want) {
			t.Errorf("%s: exit %d\n%s", prepare, code, p.stderr)
		}
	}
	// Meant for another process: no business of this one.
	if s, err := inherited(getenv([]string{"LISTEN_PID=1", "LISTEN_FDS=7"})); err != nil || s.clients != nil || s.api != nil || s.offer != nil {
		t.Errorf("%v, %v", s, err)
	}
}

// Whoever asks for the sockets and goes, or asks as somebody else, gets nothing done.
func TestOfferOutlivesWhoGivesUp(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	for range 3 {
		got, p, err := takeOver(offerPath(t, s.addr), wanted{listen: at(s.addr)})
		if err != nil || p == nil || p.pid != int32(os.Getpid()) || got.clients.String() != s.addr || got.api.Addr().String() != s.api {
			t.Fatalf("%+v, %+v, %v", got, p, err)
		}
		got.close()
		p.spare()
	}
	if err := once(s.addr); err != nil {
		t.Error(err)
	}
	eventually(t, "said", func() bool { return strings.Count(s.stderr.String(), "it has ended before it was ready: EOF") == 3 })
	nobody := deadAddress(t)
	if _, p, err := takeOver(offerPath(t, nobody), wanted{listen: at(nobody)}); err != nil || p != nil {
		t.Errorf("from nobody: %v, %v", p, err)
	}
}

// offerPath is where a Segue of these tests is taken over from.
func offerPath(t *testing.T, addr string) string {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	path, err := newPlace(config.Default(), os.Getenv).of(at)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// at is a configuration's list of addresses.
func at(addresses ...string) (list []config.Listen) {
	for _, a := range addresses {
		list = append(list, config.Listen{Address: a})
	}
	return list
}
