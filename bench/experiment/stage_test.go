package experiment

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const soon = 10 * time.Second

// A process is started, told to leave, waited for, and started again; commands run
// in the folder with the environment; marks come in order; nothing is left.
func TestPlay(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	e := &Experiment{
		Dir: dir,
		Processes: []Process{{
			Name: "server", Run: `sh -c 'trap "echo left >>log; exit 0" USR1; mkfifo f$$; exec 3<>f$$; echo up >>log; while :; do read -r _ <&3; done'`,
			Ready: Condition{Command: "grep -q up log && test $COLOUR = red"},
		}},
		Steps: []Step{
			{Mark: "leaves", Do: Signal, Process: "server", Signal: "USR1"},
			{Do: Wait, Wait: Condition{Exits: "server"}, Timeout: soon},
			{Mark: "gone"},
			{Do: Run, Command: "cp log copy && rm log", Timeout: soon},
			{Mark: "back", Do: Start, Process: "server", Timeout: soon},
			{Do: Sleep, Sleep: time.Millisecond},
		},
	}
	s := NewStage(e, []string{"COLOUR=red"})
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	var marks []string
	if err := s.Play(t.Context(), func(text string) { marks = append(marks, text) }); err != nil {
		t.Error(err)
	}
	pid := s.lives["server"].cmd.Process.Pid
	s.Stop()
	if got := strings.Join(marks, " "); got != "leaves gone back" {
		t.Errorf("marks %q", got)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "copy")); string(text) != "up\nleft\n" {
		t.Errorf("first life: %q", text)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "log")); string(text) != "up\n" {
		t.Errorf("second life: %q", text)
	}
	if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("something of process group %d is left: %v", pid, err)
	}
}

func TestStepsThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		step Step
		want string
	}{
		"command":       {Step{Do: Run, Command: "echo no luck >&2; exit 3", Timeout: soon}, "step 1 (line 7): run `echo no luck >&2; exit 3`: exit status 3; it said:\n    no luck"},
		"slow command":  {Step{Do: Run, Command: "sleep 60", Timeout: 50 * time.Millisecond}, "run `sleep 60`: not done within 50ms"},
		"condition":     {Step{Do: Wait, Wait: Condition{Command: "false"}, Timeout: 50 * time.Millisecond}, "wait until `false` ends with 0: it does not within 50ms"},
		"exit":          {Step{Do: Wait, Wait: Condition{Exits: "server"}, Timeout: 50 * time.Millisecond}, "wait until server exits: not done within 50ms"},
		"start twice":   {Step{Do: Start, Process: "server", Timeout: soon}, "start server: it is running"},
		"start a wreck": {Step{Do: Start, Process: "wreck", Timeout: soon}, "start wreck: it has exited; it said:\n    cannot"},
		"nobody":        {Step{Do: Signal, Process: "wreck", Signal: "TERM"}, "signal wreck: it is not running"},
	} {
		t.Run(name, func(t *testing.T) {
			test.step.Line = 7
			s := NewStage(&Experiment{
				Processes: []Process{{Name: "server", Run: "sleep 60"}},
				Steps:     []Step{test.step, {Mark: "never"}},
			}, nil)
			if err := s.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.e.Processes = append(s.e.Processes, Process{Name: "wreck", Run: "sh -c 'echo cannot; exit 1'", Ready: Condition{Command: "false"}})
			defer s.Stop()
			err := s.Play(t.Context(), func(text string) { t.Errorf("mark %q", text) })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer web.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	ln.Close()
	s := NewStage(&Experiment{}, nil)
	alive := web.Listener.Addr().String()
	for _, test := range []struct {
		c    Condition
		want string
	}{
		{Condition{URL: web.URL, Status: 503}, ""},
		{Condition{URL: web.URL, Status: 200}, "it answers 503"},
		{Condition{URL: "http://" + dead, Status: 200}, "connection refused"},
		{Condition{Listens: alive}, ""},
		{Condition{Listens: dead}, "connection refused"},
		{Condition{Refuses: dead}, ""},
		{Condition{Refuses: alive}, "it takes connections"},
		{Condition{Command: "true"}, ""},
		{Condition{Command: "exit 4"}, "exit status 4"},
	} {
		err := s.holds(t.Context(), test.c)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.c, err, test.want)
		}
	}
}

// A run that is ended from outside ends the script, and that is no fault of it.
func TestPlayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := NewStage(&Experiment{Steps: []Step{{Mark: "begun", Do: Run, Command: "sleep 60", Timeout: time.Hour}, {Mark: "never"}}}, nil)
	var marks []string
	err := s.Play(ctx, func(text string) {
		marks = append(marks, text)
		cancel()
	})
	if err != nil || !slices.Equal(marks, []string{"begun"}) {
		t.Errorf("%v, marks %q", err, marks)
	}
}
