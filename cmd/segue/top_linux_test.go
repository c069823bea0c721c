package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
	"segue/cmd/internal/ptytest"
)

// topping is `segue top` in a process of its own, on a terminal of its own.
type topping struct {
	*ptytest.Terminal
	t   *testing.T
	cmd *exec.Cmd
}

func topOf(t *testing.T, s *serving, env ...string) *topping {
	t.Helper()
	return onTerminal(t, ptytest.Open(t, 80, 24), env, "top", "--admin", s.api, "--interval", "100ms")
}

// onTerminal runs a command line in a process of its own, on a terminal.
func onTerminal(t *testing.T, terminal *ptytest.Terminal, env []string, args ...string) *topping {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &topping{terminal, t, exec.Command(self, args...)}
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1", "TERM=xterm"), env...)
	p.Run(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	return p
}

// end waits for the end, and looks whether the terminal is as it was.
func (p *topping) end(code int) {
	p.t.Helper()
	_ = p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d", got, code)
	}
	p.Await("the screen to be given back", func(string) bool { return p.Restored() == "" })
	if mode := p.Mode(); mode.Lflag&syscall.ICANON == 0 || mode.Lflag&syscall.ECHO == 0 || mode.Oflag&syscall.OPOST == 0 {
		p.t.Errorf("the terminal is not as it was: %+v", mode)
	}
}

// An operator drains a backend by keys, sees it, goes on through a restart of Segue, and has the terminal again.
func TestTopSteersAndOutlivesSegue(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, "listen: "+addr+"\nadmin: "+api+"\n"))
	start := func() *serving {
		s := process(t, "", nil, "serve", "--config", path).open(addr, api)
		s.ready()
		return s
	}
	s := start()
	s.conn()
	p := topOf(t, s)
	p.Shows("2 of 2 usable  1 session")
	p.Type("d")
	p.Shows("Drain fe-1? [y/N]")
	p.Type("y")
	p.Shows("1 of 2 usable")
	if b := s.backend("fe-1"); b.Admin != backend.Drain {
		t.Errorf("%+v", b)
	}
	p.Type("jm")
	p.Shows("Maint fe-2? [y/N]")
	p.Type("y")
	p.Shows("Maint fe-2 all the same? [y/N] It is the last one that is usable")
	p.Type("n")
	p.Shows("nothing has been done")
	s.signal(syscall.SIGKILL)
	<-s.exited
	p.Shows("No answer for ")
	start()
	p.Shows("Segue has been restarted")
	p.Shows("2 of 2 usable")
	p.Type("q")
	p.end(exitDone)
}

// Ctrl-Z gives the shell a terminal that is as it was, and fg goes on where it was left.
func TestTopIsStoppedByAShell(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &topping{ptytest.Open(t, 80, 24), t, exec.Command("sh", "-mc", `"$@"; echo the shell goes on; read word; fg; echo the end`, "sh", self, "top", "--admin", s.api, "--interval", "100ms")}
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "TERM=xterm")
	p.Run(p.cmd)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.HangUp(); _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	p.Shows("1 of 1 usable")
	p.Type("\x1a")
	p.Shows("the shell goes on")
	if mode := p.Mode(); p.Restored() != "" || mode.Lflag&syscall.ICANON == 0 || mode.Lflag&syscall.ECHO == 0 {
		t.Errorf("the shell has a terminal that is not as it was: %s, %+v", p.Restored(), mode)
	}
	p.Type("\n")
	p.Shows("1 of 1 usable")
	p.Type("q")
	p.Shows("the end")
	p.end(exitDone)
}

func TestTopGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")))
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		p := topOf(t, s)
		p.Shows("1 of 1 usable")
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		p.end(exitDone)
	}
	p := topOf(t, s, "NO_COLOR=1")
	p.Shows("1 of 1 usable")
	p.Type("\x03")
	p.end(exitDone)
	for _, color := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m"} {
		if strings.Contains(p.Written(), color) {
			t.Errorf("%q in spite of NO_COLOR", color)
		}
	}
	p = topOf(t, s)
	p.Shows("1 of 1 usable")
	p.HangUp()
	if _ = p.cmd.Wait(); p.cmd.ProcessState.ExitCode() < 0 {
		t.Errorf("it ended by a signal: %v", p.cmd.ProcessState)
	}
	dumb := topOf(t, s, "TERM=dumb")
	dumb.Shows("top needs a terminal")
	dumb.end(exitUsage)
}

// On a terminal a listing that is shown again and again takes its place, and no more: the titles stay, and lines do not break.
func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	s := serve(t, nil, "--config", configFile(t, configuration(frontends(t, 1, fesim.Options{}), "")))
	p := onTerminal(t, ptytest.Open(t, 60, 8), nil, "sessions", "--admin", s.api, "--watch", "100ms")
	p.Shows("ID  CLIENT")
	for range 10 {
		s.conn()
	}
	screen := p.Shows("… and 6 lines more")
	for i, line := range strings.Split(screen, "\n") {
		if i == 0 && !strings.HasPrefix(line, "ID ") || len([]rune(line)) > 60 {
			t.Errorf("line %d: %q of\n%s", i, line, screen)
		}
	}
}

func TestPageOf(t *testing.T) {
	const home = "\x1b[H\x1b[2J"
	for _, test := range []struct {
		text          string
		columns, rows int
		want          string
	}{
		{"a\nb\nc\n", 80, 24, "a\nb\nc\n"},
		{"abcdef\nb\n", 4, 24, "abc…\nb\n"},
		{"1\n2\n3\n4\n5\n", 80, 6, "1\n2\n3\n4\n5\n"},
		{"1\n2\n3\n4\n5\n6\n7\n", 80, 6, "1\n2\n3\n… and 4 lines more\n"},
		{"abcdef\n2\n3\n4\n", 0, 0, "abcdef\n2\n3\n4\n"},
		{"", 80, 24, ""},
	} {
		if got := pageOf(test.text, test.columns, test.rows); got != home+test.want {
			t.Errorf("%q on %dx%d: %q, want %q", test.text, test.columns, test.rows, got, home+test.want)
		}
	}
}
