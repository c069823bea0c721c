package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
)

// What an operator said before a takeover holds after it, and the new Segue shows and steers what the old one still has, until that has ended.
func TestOneTruthAfterATakeover(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	old := takeOverFrom(t, path, addr, api)
	c := old.conn()
	on := old.on(c)
	tx, err := c.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO fesim.ledger VALUES ('truth')"); err != nil {
		t.Fatal(err)
	}
	var drained, other string
	for _, fe := range fes {
		switch {
		case fe.Name() == on:
		case drained == "":
			drained = fe.Name()
		default:
			other = fe.Name()
		}
	}
	if got := old.segue("maint", drained); got.code != 0 {
		t.Fatal(got.stderr)
	}
	if got := old.segue("pause", "--for", "20m"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	before, err := old.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	now := takeOverFrom(t, path, addr, api)
	if b := now.backend(drained); b.Admin != backend.Maint {
		t.Errorf("%s is %v", drained, b.Admin)
	}
	s, err := now.client.Status(t.Context())
	switch {
	case err != nil:
		t.Fatal(err)
	case s.Paused == nil || s.Paused.Until.Sub(before.Paused.Until).Abs() > 5*time.Second || s.Paused.Busy != 1:
		t.Errorf("paused: %+v, before: %+v", s.Paused, before.Paused)
	case s.Sessions != 1 || len(s.Others) != 1 || s.Others[0].Sessions != 1 || s.Others[0].Error != "":
		t.Errorf("status: %+v", s)
	}
	pid := s.Others[0].PID
	if b := now.backend(on); b.Sessions != 1 {
		t.Errorf("%s has %d sessions", on, b.Sessions)
	}
	if got := now.segue("sessions"); !strings.Contains(got.stdout, "PROCESS") || !strings.Contains(got.stdout, strconv.Itoa(int(pid))) {
		t.Errorf("sessions:\n%s", got.stdout)
	}
	if got := now.segue("status"); !strings.Contains(got.stdout, fmt.Sprintf("1 of process %d, which has been taken over from", pid)) {
		t.Errorf("status:\n%s", got.stdout)
	}
	if got := now.metrics(); !strings.Contains(got, fmt.Sprintf(`segue_sessions{backend="%s",process="%d",state=`, on, pid)) {
		t.Errorf("the metrics lack the other's sessions:\n%s", got)
	}
	held := make(chan error, 1)
	go func() { held <- once(addr) }() // a client of the new one
	waited := make(chan error, 1)
	go func() { waited <- c.PingContext(t.Context()) }() // of the old one: within its transaction it goes on
	if err := <-waited; err != nil {
		t.Error(err)
	}
	select {
	case err := <-held:
		t.Errorf("a client of the new one was not held: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if got := now.segue("resume"); got.code != 0 || !strings.Contains(got.stdout, "resumed; ") {
		t.Errorf("resume: %d %s%s", got.code, got.stdout, got.stderr)
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
	eventually(t, "gone", func() bool {
		s, err := now.client.Status(t.Context())
		return err == nil && s.Sessions == 1 && s.Paused == nil
	})

	// An order reaches both: the session that is with the old one leaves once its transaction has ended, and the waiting command sees it.
	drain := start(t, []string{"SEGUE_ADMIN=" + api}, "drain", on, "--wait")
	drain.prints(on + ": drain, up, 1 session\n")
	again := now.conn() // of the new one, with an id of its own
	if got := now.on(again); got != other {
		t.Errorf("a new session is on %s", got)
	}
	list, err := now.client.Sessions(t.Context())
	if err != nil || len(list) != 2 || list[0].ID == list[1].ID {
		t.Errorf("%+v, %v", list, err)
	}
	select {
	case <-drain.exited:
		t.Fatalf("drain has ended with a transaction open:\n%s", drain.stdout)
	default:
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if code := drain.wait(); code != 0 || !strings.Contains(drain.stdout.String(), on+": 0 sessions\n") {
		t.Errorf("drain: %d %s", code, drain.stdout)
	}
	if got := old.on(c); got != other {
		t.Errorf("the session of the old one is on %s", got)
	}

	// A third takes over from the second while the first is still there: it knows of both.
	third := takeOverFrom(t, path, addr, api)
	s, err = third.client.Status(t.Context())
	if err != nil || len(s.Others) != 2 || s.Sessions != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if b := third.backend(drained); b.Admin != backend.Maint {
		t.Errorf("%s is %v for the third", drained, b.Admin)
	}
	old.db.Close()
	c.Close()
	if code := old.wait(); code != 0 {
		t.Errorf("the first: exit %d", code)
	}
	again.Close()
	now.db.Close()
	if code := now.wait(); code != 0 {
		t.Errorf("the second: exit %d", code)
	}
	eventually(t, "alone", func() bool {
		s, err := third.client.Status(t.Context())
		return err == nil && len(s.Others) == 0 && s.Sessions == 0
	})
	third.signal(syscall.SIGTERM)
	if code := third.wait(); code != 0 {
		t.Errorf("the third: exit %d", code)
	}
	left, err := filepath.Glob(offerPath(t, addr) + "*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// One that has been stopped, or killed, keeps nobody waiting.
func TestOtherSegueThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	old := takeOverFrom(t, path, addr, api)
	old.on(old.conn())
	now := takeOverFrom(t, path, addr, api)
	old.signal(syscall.SIGSTOP)
	eventually(t, "seen not to answer", func() bool {
		s, err := now.client.Status(t.Context())
		return err == nil && len(s.Others) == 1 && s.Others[0].Error != ""
	})
	for _, command := range []string{"status", "backends", "sessions", "maint fe-1 --force", "ready fe-1", "pause", "resume"} {
		if got := now.segue(strings.Fields(command)...); got.code != 0 {
			t.Errorf("%s: exit %d %s", command, got.code, got.stderr)
		}
	}
	if got := now.metrics(); !strings.Contains(got, "segue_build_info{") {
		t.Error("no metrics")
	}
	if err := once(addr); err != nil {
		t.Error(err)
	}
	old.signal(syscall.SIGKILL)
	old.wait()
	eventually(t, "forgotten", func() bool {
		s, err := now.client.Status(t.Context())
		return err == nil && len(s.Others) == 0
	})
}

// What an operator said outlives a restart where a file is configured for it.
func TestStateOutlivesARestart(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 3, fesim.Options{})
	kept := filepath.Join(t.TempDir(), "state.json")
	path := configFile(t, configuration(fes, "state: "+kept+"\n"))
	run := func(ask func(s *serving)) {
		s := serve(t, nil, "--config", path)
		ask(s)
		s.signal(syscall.SIGTERM)
		if code := s.wait(); code != 0 {
			t.Errorf("exit %d", code)
		}
	}
	said := func(s *serving, commands ...string) {
		for _, command := range commands {
			if got := s.segue(strings.Fields(command)...); got.code != 0 {
				t.Errorf("%s: %s", command, got.stderr)
			}
		}
	}
	run(func(s *serving) { said(s, "drain fe-1", "maint fe-2", "pause --for 3h") })
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	run(func(s *serving) {
		if a, b := s.backend("fe-1").Admin, s.backend("fe-2").Admin; a != backend.Drain || b != backend.Maint {
			t.Errorf("%v, %v", a, b)
		}
		if st, err := s.client.Status(t.Context()); err != nil || st.Paused == nil || time.Until(st.Paused.Until) < 2*time.Hour {
			t.Errorf("%+v, %v", st.Paused, err)
		}
		said(s, "resume", "ready fe-1")
	})
	run(func(s *serving) {
		if a, b := s.backend("fe-1").Admin, s.backend("fe-2").Admin; a != backend.Ready || b != backend.Maint {
			t.Errorf("%v, %v", a, b)
		}
		if st, err := s.client.Status(t.Context()); err != nil || st.Paused != nil {
			t.Errorf("%+v, %v", st.Paused, err)
		}
	})
	left, err := os.ReadDir(filepath.Dir(kept))
	if err != nil || len(left) != 1 {
		t.Errorf("in its folder: %v, %v", left, err)
	}
	// A file that is none, a pipe, a folder that is not there: a start like any other, and it is said.
	if err := os.WriteFile(kept, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{kept, pipe, filepath.Join(kept, "none"), t.TempDir()} {
		s := serve(t, nil, "--config", configFile(t, configuration(fes, "state: "+bad+"\n")))
		said(s, "maint fe-3")
		if err := once(s.addr); err != nil {
			t.Error(err)
		}
		if got := s.stderr.String(); !strings.Contains(got, "all backends are ready") && !strings.Contains(got, "is not kept over a restart") {
			t.Errorf("%s: nothing said", bad)
		}
		if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
			t.Errorf("the pipe: %v, %v", info, err)
		}
	}
}

// What was ready stays so, though no backend may be used when another Segue takes over.
func TestReadinessPasses(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	old := takeOverFrom(t, path, addr, api)
	old.ready()
	if got := old.segue("maint", "fe-1", "--force"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	now := takeOverFrom(t, path, addr, api)
	if err := now.client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if code := old.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
}
