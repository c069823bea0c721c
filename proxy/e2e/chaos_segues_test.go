package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"segue/backend"
)

// segues are Segues that take over from one another, on the same addresses and by the same file.
type segues struct {
	*segueProgram // of which the commands are used, with the addresses and the file
	flavor        backend.Flavor
	specs         []backend.Spec
	lines         []string // of the configuration
	all           []*reign
}

// reign is one of them.
type reign struct {
	cmd    *exec.Cmd
	began  time.Time
	log    *tap // nil: /dev/full has it
	exited chan struct{}
	err    error // how it ended, once exited is closed
}

// tap reads what a program writes, unless it does not.
type tap struct {
	r        *os.File
	held     sync.Mutex // by whoever keeps it from reading
	mu       sync.Mutex // guards what follows
	text     []byte     // the end of it
	panicked []byte     // what it says of a panic
	written  int
}

// newTap returns a tap, and what a program is to write to.
func newTap(t *testing.T) (*tap, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("make pipe: %v", err)
	}
	p := &tap{r: r}
	t.Cleanup(func() { _ = r.Close() })
	go p.run()
	return p, w
}

func (p *tap) run() {
	buf := make([]byte, 64<<10)
	for {
		p.held.Lock()
		p.held.Unlock() //nolint:staticcheck // whoever holds it is waited for
		n, err := p.r.Read(buf)
		p.take(buf[:n])
		if err != nil {
			return
		}
	}
}

func (p *tap) take(b []byte) {
	const most = 1 << 20
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written += len(b)
	if at := bytes.Index(b, []byte("panic")); at >= 0 && p.panicked == nil {
		p.panicked = bytes.Clone(b[max(0, at-200):min(len(b), at+4000)])
	}
	if p.text = append(p.text, b...); len(p.text) > 2*most {
		p.text = append([]byte(nil), p.text[len(p.text)-most:]...)
	}
}

func (p *tap) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.text)
}

// startSegues starts the first of them. dir is where it keeps its state.
func startSegues(t *testing.T, flavor backend.Flavor, specs []backend.Spec, dir string, lines ...string) *segues {
	t.Helper()
	home := t.TempDir()
	s := &segues{flavor: flavor, specs: specs, segueProgram: &segueProgram{
		path: buildProgram(t), config: filepath.Join(home, "segue.yaml"), stdout: &output{}, stderr: &output{},
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t, "127.0.0.1"))), admin: net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t, "127.0.0.1"))),
	}}
	s.lines = append([]string{"takeover: {socket: " + s.offer() + "}", "state: " + filepath.Join(dir, "state.json")}, lines...)
	if err := os.WriteFile(s.config, s.file(specs, s.lines), 0o600); err != nil {
		t.Fatalf("write configuration: %v", err)
	}
	t.Cleanup(func() { s.end(t) })
	s.crown(t, false)
	return s
}

// offer is where the next one asks for the sockets.
func (s *segues) offer() string { return filepath.Join(filepath.Dir(s.config), "offer") }

// file is a configuration of these addresses.
func (s *segues) file(specs []backend.Spec, lines []string) []byte {
	text := string(configuration(s.flavor, specs, lines))
	text = strings.Replace(text, "listen: 127.0.0.1:0", "listen: "+s.address, 1)
	return []byte(strings.Replace(text, "admin: 127.0.0.1:0", "admin: "+s.admin, 1))
}

// write puts a configuration in force, by and by.
func (s *segues) write(t *testing.T, text []byte) {
	t.Helper()
	draft := s.config + ".new"
	err := os.WriteFile(draft, text, 0o600)
	if err == nil {
		err = os.Rename(draft, s.config)
	}
	if err != nil {
		t.Errorf("write configuration: %v", err)
	}
}

// now is the one that accepts.
func (s *segues) now() *reign { return s.all[len(s.all)-1] }

// crown starts the next one, and returns when it accepts. full has its log go to where there is never room.
func (s *segues) crown(t *testing.T, full bool) {
	t.Helper()
	r := &reign{began: time.Now(), exited: make(chan struct{})}
	r.cmd = exec.Command(s.path, "serve", "--config", s.config, "--takeover", "--log-level", "debug")
	r.cmd.Env = append(os.Environ(), "GOMEMLIMIT="+memoryLimit)
	r.cmd.SysProcAttr = clientProcess()
	var err error
	var to *os.File
	if full {
		to, err = os.OpenFile("/dev/full", os.O_WRONLY, 0)
	} else {
		r.log, to = newTap(t)
	}
	if err == nil {
		r.cmd.Stdout, r.cmd.Stderr = to, to
		err = r.cmd.Start()
		_ = to.Close()
	}
	if err != nil {
		t.Fatalf("start segue: %v", err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.exited)
	}()
	s.all = append(s.all, r)
	waitFor(t, "the next Segue to accept", func() bool {
		select {
		case <-r.exited:
			t.Fatalf("it has exited: %v\n%s", r.err, r.said())
		default:
		}
		return s.holds(r)
	})
}

// holds reports whether it has the admin API, and with it the clients, to itself.
func (s *segues) holds(r *reign) bool {
	var status struct{ Started time.Time }
	out, _ := exec.Command(s.path, "status", "-o", "json", "--admin", s.admin).Output() // whatever it says of the backends
	return json.Unmarshal(out, &status) == nil && status.Started.After(r.began)
}

func (r *reign) said() string {
	if r.log == nil {
		return "(its log went to /dev/full)"
	}
	return tail(r.log.String(), 30)
}

func (r *reign) lives() bool {
	select {
	case <-r.exited:
		return false
	default:
		return true
	}
}

// living are those that have not ended.
func (s *segues) living() (list []*reign) {
	for _, r := range s.all {
		if r.lives() {
			list = append(list, r)
		}
	}
	return list
}

// files is how many descriptors it has open.
func (r *reign) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("count descriptors: %v", err)
	}
	return len(list)
}

// mostMemory is what it has had at most of memory, in KB.
func (r *reign) mostMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("read memory: %v", err)
	}
	m := regexp.MustCompile(`VmHWM:\s*(\d+)`).FindSubmatch(text)
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// mayOpen sets how many descriptors it may have.
func (r *reign) mayOpen(t *testing.T, n uint64) (before uint64) {
	t.Helper()
	var limit unix.Rlimit
	err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit)
	if err == nil {
		before, limit.Cur = limit.Cur, n
		err = unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil)
	}
	if err != nil {
		t.Fatalf("limit descriptors: %v", err)
	}
	return before
}

// end ends all, and looks at what they have logged.
func (s *segues) end(t *testing.T) {
	t.Helper()
	for _, r := range s.living() {
		_ = r.cmd.Process.Signal(syscall.SIGCONT)
		if !terminate(r.cmd, r.exited) {
			t.Errorf("segue %d did not stop within %s; killed", r.cmd.Process.Pid, stopTimeout)
			_ = killGroup(r.cmd)
			<-r.exited
		}
	}
	for _, r := range s.all {
		if r.err != nil {
			t.Errorf("segue %d ended with %v\n%s", r.cmd.Process.Pid, r.err, r.said())
		}
		if r.log != nil && r.log.panicked != nil {
			t.Errorf("segue %d has logged a panic: %s", r.cmd.Process.Pid, r.log.panicked)
		}
	}
	if t.Failed() {
		t.Logf("the last segue logged, at the end:\n%s", s.now().said())
	}
}
