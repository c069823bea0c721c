package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
	"segue/backend/wire"
	"segue/bench"
)

// shots is where TestPage leaves pictures of what it has seen:
//
//	go test ./proxy/e2e -run '^TestPage$' -shots /tmp
var shots = flag.String("shots", "", "the directory in which TestPage leaves pictures of the status page")

const (
	pageToken   = "t0ken-of-the-page"
	pageCrowd   = 1000
	hostileUser = `<img src=x onerror=owned=1>`
	hostileText = `<script>owned=1</script><img src=x onerror=owned=1>`
)

// TestPage has headless Chromium look at the status page of a real Segue in front of simulated FEs: while these are restarted one by one under load, while it
// drains one of them, while a thousand clients come, while there is no FE, and while Segue itself is not there. What is looked at is in clients/page/steps.js.
func TestPage(t *testing.T) {
	f, names := pageFEs(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(pageToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	access := []string{"admin_token_file: " + token, "admin_write: token", "balance: {slow_start: 0s}"}
	p := startProgram(t, f.flavor(), f.specs(), access...)
	load := startStatefulLoad(t, p.address, f.dialect(), [numWorkloads]int{8, 8, 4, 8})
	b := startBrowser(t, "http://"+p.admin+"/")
	type given map[string]any
	all := given{"backends": names}

	b.step(t, "open", all)
	b.step(t, "past", nil)
	load.waitMore(t, 100)
	for _, i := range f.order() {
		fe := f.cluster.FEs()[i]
		fe.GracefulExit()
		fe.Wait()
		waitFor(t, "Segue to see it", func() bool { return p.backends(t)[i].Health == "down" })
		if err := fe.Start(); err != nil {
			t.Fatal(err)
		}
		p.waitUp(t)
		load.waitMore(t, 20)
	}
	b.step(t, "upgraded", all)
	b.step(t, "drain", given{"backend": names[1]})
	waitFor(t, "the drained FE to be empty", func() bool { return p.backends(t)[1].Sessions == 0 })
	b.step(t, "keyboard", given{"backend": names[1]})
	waitFor(t, "the FE to be ready", func() bool { return p.backends(t)[1].Admin == "ready" })
	for _, name := range names[:2] {
		p.run(t, "drain", name, "--token-file", token)
	}
	b.step(t, "last", given{"backend": names[2]})
	for _, name := range names[:2] {
		p.run(t, "ready", name, "--token-file", token)
	}
	b.step(t, "pause", nil)
	b.step(t, "narrow", nil)
	b.step(t, "accessible", nil)
	load.stop()
	if errors, lost, _ := load.total(); errors+lost > 0 {
		t.Errorf("clients saw %d errors and %d lost states", errors, lost)
	}

	connect(t, p.address, hostileUser, 1)
	f.cluster.FEs()[2].SetFault(fesim.Fault{LoginERR: &wire.Err{Code: 1040, State: "08004", Message: hostileText}})
	crowd := connect(t, p.address, "u", pageCrowd)
	b.step(t, "hostile", given{"user": hostileUser, "cause": hostileText})
	f.cluster.FEs()[2].SetFault(fesim.Fault{})
	b.step(t, "crowd", given{"sessions": pageCrowd})
	for _, c := range crowd {
		c.Drop()
	}
	b.step(t, "away", nil)
	leave := p.readEvents(t)
	b.step(t, "crowded", all)
	leave()
	b.step(t, "live", nil)
	for i := range names {
		if err := f.kill(i); err != nil {
			t.Fatal(err)
		}
	}
	b.step(t, "outage", all)
	for i := range names {
		if err := f.revive(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	p.waitUp(t)

	p.stop(t)
	b.step(t, "lost", nil)
	p.again(t)
	b.step(t, "back", all)
	p.stop(t)
	p.reconfigure(t, f.flavor(), f.specs(), append(access, "admin_read: token")...)
	p.again(t)
	b.step(t, "reader", all)
}

// pageFEs are three FEs that let in who has markup for a name.
func pageFEs(t *testing.T) (*feFleet, []string) {
	t.Helper()
	f := startFEs(t, fesim.Options{Users: map[string]string{hostileUser: ""}})
	var names []string
	for _, s := range f.specs() {
		names = append(names, s.Name)
	}
	return f, names
}

// connect has so many clients connect, each with a session of its own.
func connect(t *testing.T, address, user string, n int) []*bench.Client {
	t.Helper()
	var clients []*bench.Client
	for range n {
		c, err := bench.NewClient(bench.Account{Address: address, User: user}, bench.DefaultTimeout)
		if err == nil {
			err = c.Connect(t.Context())
		}
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		t.Cleanup(c.Drop)
		clients = append(clients, c)
	}
	return clients
}

// readEvents has all the streams of events be read that there may be, until leave is called.
func (p *segueProgram) readEvents(t *testing.T) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	for range 1000 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+"/api/v1/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("read events: %v", err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode == http.StatusServiceUnavailable {
			return cancel
		}
	}
	t.Fatal("there is no limit to the readers of events")
	return cancel
}

// again starts a Segue that has been stopped, on the addresses that it had.
func (p *segueProgram) again(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.path, "serve", "--config", p.config, "--listen", p.address, "--admin", p.admin)
	p.stdout, p.stderr, p.exited = &output{}, &output{}, make(chan struct{})
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.SysProcAttr = clientProcess()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start segue again: %v", err)
	}
	go p.wait()
	p.printed(t, `listens on (\S+),`)
}

// reconfigure writes its file anew, while it does not run.
func (p *segueProgram) reconfigure(t *testing.T, flavor backend.Flavor, specs []backend.Spec, more ...string) {
	t.Helper()
	if err := os.WriteFile(p.config, configuration(flavor, specs, more), 0o600); err != nil {
		t.Fatal(err)
	}
}

// browser is clients/page, which looks at the page.
type browser struct {
	stdin   *json.Encoder
	replies chan reply
}

// reply is what it says of a step.
type reply struct {
	Wrong []string `json:"wrong"`
}

const stepTimeout = 90 * time.Second // the longest takes a tenth of it on a machine that has nothing else to do

// startBrowser starts it. It ends with the test.
func startBrowser(t *testing.T, url string) *browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	cmd := exec.CommandContext(ctx, "node", "clients/page/page.js", url, pageToken, *shots)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "NODE_PATH="+filepath.Join(cacheDir(t), "node", "node_modules"))
	cmd.SysProcAttr = clientProcess()
	cmd.Cancel = func() error { return killGroup(cmd) }
	stderr := &output{}
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	b := &browser{json.NewEncoder(stdin), make(chan reply)}
	go b.read(bufio.NewScanner(stdout))
	t.Cleanup(func() {
		defer cancel()
		_ = stdin.Close()
		for range b.replies { // until it has ended
		}
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("the browser: %v\n%s", err, stderr)
		}
	})
	return b
}

// read passes on what it says, until it has ended.
func (b *browser) read(lines *bufio.Scanner) {
	defer close(b.replies)
	for lines.Scan() {
		if lines.Text() == "ready" {
			continue
		}
		r := reply{Wrong: []string{}}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r.Wrong = []string{"it says " + lines.Text()}
		}
		b.replies <- r
	}
}

// step has it do one thing, and the test fails for what is wrong.
func (b *browser) step(t *testing.T, name string, given map[string]any) {
	t.Helper()
	began := time.Now()
	line := map[string]any{"step": name}
	maps.Copy(line, given)
	if err := b.stdin.Encode(line); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	select {
	case r, running := <-b.replies:
		if !running {
			t.Fatalf("%s: the browser has ended", name)
		}
		if len(r.Wrong) > 0 {
			t.Errorf("%s:\n\t%s", name, strings.Join(r.Wrong, "\n\t"))
		}
		t.Logf("%s: %v", name, time.Since(began).Round(time.Millisecond))
	case <-time.After(stepTimeout):
		t.Fatalf("%s takes more than %v", name, stepTimeout)
	}
}
