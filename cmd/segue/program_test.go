package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/admin"
)

// silentResolver is the variable that has a process's name server answer nothing.
const silentResolver = "SEGUE_TEST_SILENT_RESOLVER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if os.Getenv(silentResolver) != "" {
			net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		}
		main()
	}
	dir, err := os.MkdirTemp("", "segue") // short: the path of a socket is
	if err != nil {
		panic(err)
	}
	if err := os.Setenv("RUNTIME_DIRECTORY", dir); err != nil { // for processes
		panic(err)
	}
	if err := mysql.SetLogger(&mysql.NopLogger{}); err != nil { // sessions end here on purpose
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { _ = os.RemoveAll(dir); os.Exit(code) }))
}

// patience is how long anything may take that should take milliseconds.
const patience = 30 * time.Second

// eventually waits until ok, and fails the test when that takes too long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// text is what a program has written so far.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// program is a command that runs until it is told to stop.
type program struct {
	t              *testing.T
	stdout, stderr *text
	exited         chan struct{} // closed when it has exited
	code           int           // once exited
	pid            int           // of one that is a process of its own
	signalsSet     chan struct{} // closed when it takes signals
	signals        chan<- os.Signal
	cancel         context.CancelFunc
}

// start runs a command line in the background. The test's end waits for it.
func start(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, stdout: &text{}, stderr: &text{}, exited: make(chan struct{}), signalsSet: make(chan struct{})}
	w := &world{
		stdout: p.stdout, stderr: p.stderr, getenv: getenv(env), etc: filepath.Join(t.TempDir(), "none.yaml"),
		notify: func(c chan<- os.Signal, _ ...os.Signal) { p.signals = c; close(p.signalsSet) },
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.exited)
		p.code = w.run(ctx, args)
	}()
	t.Cleanup(func() {
		cancel()
		p.wait()
		if t.Failed() {
			t.Logf("stdout of %v:\n%s\nstderr:\n%s", args, p.stdout, p.stderr)
		}
	})
	return p
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	select {
	case <-p.signalsSet:
		p.signals <- s
	case <-p.exited:
		p.t.Fatalf("exited with %d before %v:\n%s", p.code, s, p.stderr)
	}
}

// wait returns the exit code.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("has not exited after %s", patience)
	}
	return p.code
}

// prints waits until the pattern is on stdout and returns its first group.
func (p *program) prints(pattern string) string {
	p.t.Helper()
	var m []string
	eventually(p.t, "printed "+pattern, func() bool {
		select {
		case <-p.exited:
			p.t.Fatalf("exited with %d before it printed %s:\n%s%s", p.code, pattern, p.stdout, p.stderr)
		default:
		}
		m = regexp.MustCompile(pattern).FindStringSubmatch(p.stdout.String())
		return m != nil
	})
	return m[len(m)-1]
}

// serving is a `segue serve` in the test's process.
type serving struct {
	*program
	addr, api string
	client    *admin.Client
	db        *sql.DB
}

// serve starts segue serve on ports that the system chooses.
func serve(t *testing.T, env []string, args ...string) *serving {
	t.Helper()
	s := &serving{program: start(t, env, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)...)}
	s.api = s.prints(`admin: http://(\S+)/`)
	s.addr = s.prints(`listens on (\S+),`)
	s.client = admin.NewClient(s.api)
	db, err := sql.Open("mysql", "root@tcp("+s.addr+")/test")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // closed means closed
	s.db = db
	t.Cleanup(func() { db.Close(); s.client.Close() })
	return s
}

// ready waits until it is.
func (s *serving) ready() {
	s.t.Helper()
	eventually(s.t, "ready", func() bool {
		select {
		case <-s.exited:
			s.t.Fatalf("exited with %d before it was ready", s.code)
		default:
		}
		return s.client.Ready(s.t.Context()) == nil
	})
}

// segue runs a command against the admin API.
func (s *serving) segue(args ...string) outcome {
	s.t.Helper()
	return segue(s.t, []string{"SEGUE_ADMIN=" + s.api}, args...)
}

// conn is one client connection.
func (s *serving) conn() *sql.Conn {
	s.t.Helper()
	c, err := s.db.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// on is the name of the FE that c's session is on.
func (s *serving) on(c *sql.Conn) string {
	s.t.Helper()
	var name string
	if err := c.QueryRowContext(s.t.Context(), "SELECT @@hostname").Scan(&name); err != nil {
		s.t.Fatal(err)
	}
	return name
}

func (s *serving) backend(name string) admin.Backend {
	s.t.Helper()
	b, err := findBackend(s.t.Context(), s.client, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// frontends starts n simulated FEs, fe-1 to fe-n.
func frontends(t *testing.T, n int, o fesim.Options) []*fesim.FE {
	t.Helper()
	if o.TimeScale == 0 {
		o.TimeScale = 0.05
	}
	cluster, err := fesim.NewCluster(n, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.FEs()
}

// configuration is a file for these FEs, followed by more.
func configuration(fes []*fesim.FE, more string) string {
	var b strings.Builder
	b.WriteString("backends:\n")
	for _, fe := range fes {
		fmt.Fprintf(&b, "  - {name: %s, address: '%s', health: '%s'}\n", fe.Name(), fe.MySQLAddress(), fe.HealthURL())
	}
	return b.String() + more
}

// configFile writes it where it can be watched.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "segue.yaml")
	writeFile(t, path, text)
	return path
}

func TestServe(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))

	welcome := s.stdout.String()
	host, port, _ := strings.Cut(s.addr, ":")
	for _, want := range []string{
		"mysql -h " + host + " -P " + port + " -u USER -p\n", "jdbc:mysql://" + s.addr + "/", "tcp(" + s.addr + ")/",
		"BACKEND", "fe-1", "fe-3", fes[0].MySQLAddress(), "up",
	} {
		if !strings.Contains(welcome, want) {
			t.Errorf("the start-up text lacks %q:\n%s", want, welcome)
		}
	}
	if strings.Contains(welcome, "segue check") {
		t.Errorf("all are up, and yet:\n%s", welcome)
	}

	used := map[string]bool{}
	for range 3 {
		used[s.on(s.conn())] = true
	}
	if len(used) != 3 {
		t.Errorf("three sessions are on %v", used)
	}

	status := s.segue("status")
	if status.code != 0 || !strings.Contains(status.stdout, "backends: 3 of 3 usable\nsessions: 3 of at most ") {
		t.Errorf("status: exit %d\n%s%s", status.code, status.stdout, status.stderr)
	}
	backends := s.segue("backends")
	if backends.code != 0 || strings.Count(backends.stdout, " up ") != 3 || !strings.Contains(backends.stdout, fes[1].MySQLAddress()) {
		t.Errorf("backends: exit %d\n%s%s", backends.code, backends.stdout, backends.stderr)
	}
	sessions := s.segue("sessions")
	if sessions.code != 0 || strings.Count(sessions.stdout, "root") != 3 || strings.Count(sessions.stdout, "idle") != 3 {
		t.Errorf("sessions: exit %d\n%s%s", sessions.code, sessions.stdout, sessions.stderr)
	}
	for _, listing := range []string{"status", "backends", "sessions"} {
		if got := s.segue(listing, "-o", "json"); got.code != 0 || !strings.Contains(got.stdout, `"backend`) && !strings.Contains(got.stdout, `"health"`) {
			t.Errorf("%s -o json: exit %d\n%s%s", listing, got.code, got.stdout, got.stderr)
		}
	}
	if err := s.client.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}

	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d after SIGTERM", code)
	}
	if !strings.Contains(s.stderr.String(), `"msg":"draining"`) || !strings.Contains(s.stderr.String(), `"msg":"stopped"`) {
		t.Errorf("log:\n%s", s.stderr)
	}
}

func TestServeWithoutFile(t *testing.T) {
	t.Parallel()
	fe := frontends(t, 1, fesim.Options{Flavor: backend.StarRocks})[0]
	// The health URL that follows from the flavor is not this FE's: its port
	// is one that the system chose.
	s := serve(t, []string{"SEGUE_BACKENDS=" + deadAddress(t)}, fe.MySQLAddress())
	if got := s.on(s.conn()); got != fe.Name() {
		t.Errorf("on %s", got)
	}
	// That keeps nobody out: clients get through, so that the backend is usable and Segue ready. What is wrong is said alike by serve, backends and check.
	eventually(t, "up", func() bool { return s.backend("127.0.0.1").Health == backend.Up })
	if err := s.client.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	const hint = "/api/health refused, but the MySQL port answers: its health URL is taken to be http://127.0.0.1:8030/api/health; name another by `health` of the backend"
	check := segue(t, nil, "check", fe.MySQLAddress())
	for who, text := range map[string]string{"backends": s.segue("backends").stdout, "check": check.stdout, "the log": s.stderr.String()} {
		if !strings.Contains(text, hint) {
			t.Errorf("%s does not say what is wrong:\n%s", who, text)
		}
	}
	if check.code != exitFailed || !strings.Contains(check.stdout, "misconfigured") {
		t.Errorf("check: exit %d\n%s", check.code, check.stdout)
	}
	if got := s.segue("status"); got.code != 0 || !strings.Contains(got.stdout, "from flags and variables") {
		t.Errorf("status: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestServeOnTakenPort(t *testing.T) {
	t.Parallel()
	fe := frontends(t, 1, fesim.Options{})[0]
	got := segue(t, nil, "serve", "--listen", fe.MySQLAddress(), "--admin", "127.0.0.1:0", "127.0.0.2:1")
	want := "segue: listen on " + fe.MySQLAddress() + ": address already in use; is another Segue or a server using it? choose another address with --listen, or take over from that Segue with --takeover\n"
	if got.code != exitFailed || got.stderr != want {
		t.Errorf("exit %d\n%s\nwant\n%s", got.code, got.stderr, want)
	}
}

func TestCheckHealthyBackends(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	path := configFile(t, configuration(fes, ""))
	if got := segue(t, nil, "check", "--config", path); got.code != 0 || strings.Count(got.stdout, "passed") != 8 || strings.Count(got.stdout, "next:") != 2 {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	fes[0].SetFault(fesim.Fault{HealthCode: 401})
	fes[1].SetFault(fesim.Fault{GreetingERR: fesim.TooManyConnections()})
	got := segue(t, nil, "check", "--config", path)
	for _, want := range []string{
		"misconfigured", "next: curl -i " + fes[0].HealthURL() + "\n", "mysql 1040 Too many connections", "-e 'SHOW PROCESSLIST'",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in\n%s", want, got.stdout)
		}
	}
	if got.code != exitFailed || got.stderr != "segue: 2 of 2 backends not well\n" {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// TestGracefulExitThroughTheWholeProgram: new sessions go elsewhere once an FE
// says that it leaves, and it comes back.
func TestGracefulExitThroughTheWholeProgram(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	fes[0].GracefulExit()
	eventually(t, "seen to leave", func() bool { return s.backend("fe-1").Health != backend.Up })
	for range 4 {
		if got := s.on(s.conn()); got != "fe-2" {
			t.Errorf("new session on %s", got)
		}
	}
	<-fes[0].Exited()
	fes[0].Wait()
	if err := fes[0].Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "up again", func() bool { return s.backend("fe-1").Health == backend.Up })
}

func TestDrainWaitAndReady(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	c := s.conn()
	name := s.on(c)
	tx, err := c.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('drain')"); err != nil {
		t.Fatal(err)
	}

	drain := start(t, []string{"SEGUE_ADMIN=" + s.api}, "drain", name, "--wait")
	drain.prints(name + ": drain, up, 1 session\n")
	if got := segue(t, []string{"SEGUE_ADMIN=" + s.api}, "drain", name, "--wait", "--timeout", "50ms"); got.code != exitFailed || !strings.Contains(got.stderr, "1 session left after 50ms. It stays in drain") {
		t.Errorf("with a time-out: exit %d\n%s", got.code, got.stderr)
	}
	select {
	case <-drain.exited:
		t.Fatalf("drain ended with a transaction open:\n%s", drain.stdout)
	default:
	}
	if got := s.on(s.conn()); got == name {
		t.Errorf("a new session went to %s", got)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if code := drain.wait(); code != 0 || !strings.Contains(drain.stdout.String(), name+": 0 sessions\n") {
		t.Errorf("exit %d\n%s%s", code, drain.stdout, drain.stderr)
	}
	if got := s.segue("maint", name); got.code != 0 || got.stdout != name+": maint, up, 0 sessions\n" {
		t.Errorf("maint: exit %d %s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.segue("ready", name); got.code != 0 || got.stdout != name+": ready, up, 0 sessions\n" {
		t.Errorf("ready: exit %d %s%s", got.code, got.stdout, got.stderr)
	}
	if got := s.segue("drain", "fe-9"); got.code != exitFailed || !strings.Contains(got.stderr, "fe-1, fe-2") {
		t.Errorf("unknown name: exit %d %s", got.code, got.stderr)
	}
}

func TestSIGTERMLetsAStatementFinish(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	c := s.conn()
	answer := make(chan error, 1)
	go func() {
		var zero int
		answer <- c.QueryRowContext(t.Context(), "SELECT SLEEP(1)").Scan(&zero)
	}()
	eventually(t, "busy", func() bool {
		list, err := s.client.Sessions(t.Context())
		return err == nil && len(list) == 1 && list[0].State == "busy"
	})
	s.signal(syscall.SIGTERM)
	eventually(t, "not ready while draining", func() bool {
		err := s.client.Ready(t.Context())
		return err != nil && err.Error() == "draining"
	})
	if err := <-answer; err != nil {
		t.Errorf("the statement: %v", err)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestSecondSIGTERMStopsNow(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	c := s.conn()
	answer := make(chan error, 1)
	go func() {
		var zero int
		answer <- c.QueryRowContext(t.Context(), "SELECT SLEEP(60)").Scan(&zero)
	}()
	eventually(t, "busy", func() bool {
		list, err := s.client.Sessions(t.Context())
		return err == nil && len(list) == 1 && list[0].State == "busy"
	})
	s.signal(syscall.SIGINT)
	s.signal(syscall.SIGTERM)
	if err := <-answer; err == nil {
		t.Error("the statement has not been cut")
	}
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestSimFE(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "sim", "fe", "--listen", "127.0.0.1:0", "--name", "sim-1", "--time-scale", "0.02", "--user", "app=s3cret")
	address := p.prints(`sim-1: MySQL (\S+),`)
	p.prints(`kill -USR1 \d+`)
	db, err := sql.Open("mysql", "app:s3cret@tcp("+address+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var name string
	if err := db.QueryRowContext(t.Context(), "SELECT @@hostname").Scan(&name); err != nil || name != "sim-1" {
		t.Errorf("%q, %v", name, err)
	}
	db.Close()
	p.signal(syscall.SIGUSR1)
	if code := p.wait(); code != 0 || !strings.Contains(p.stdout.String(), "sim-1: exited with 0") {
		t.Errorf("exit %d\n%s%s", code, p.stdout, p.stderr)
	}

	p = start(t, nil, "sim", "fe", "--listen", "127.0.0.1:0")
	p.prints(`fe-1: MySQL (\S+),`)
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d after SIGTERM", code)
	}
}

// TestStartSegue: the demo's Segue has its verdicts when it is handed over,
// and leaves nothing behind.
func TestStartSegue(t *testing.T) {
	t.Parallel()
	fe := frontends(t, 1, fesim.Options{})[0]
	addr, api, stop, err := startSegue(t.Context(), []backend.Spec{{Name: "fe-1", Address: fe.MySQLAddress(), HealthURL: fe.HealthURL()}})
	if err != nil {
		t.Fatal(err)
	}
	client := admin.NewClient(api)
	defer client.Close()
	if status, err := client.Status(t.Context()); err != nil || status.Backends.Usable != 1 || status.Listen != addr {
		t.Errorf("%+v, %v", status, err)
	}
	stop()
	if err := client.Live(t.Context()); err == nil {
		t.Error("it still answers")
	}
}
