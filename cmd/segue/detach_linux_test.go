package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"segue/backend"
	"segue/backend/fesim"
)

// How sh has stdout and stderr, or stderr alone, go to the pipe of a test.
const (
	allToPipe = "exec 1>&3 2>&3 3>&-;"
	logToPipe = "exec 2>&3 3>&-;"
)

// piped starts segue serve in a process that prints to a pipe, of which the test has the other end, and waits until it is ready.
func piped(t *testing.T, fes []*fesim.FE, prepare string, args ...string) (s *serving, reader *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	defer writer.Close()
	return printsTo(t, fes, prepare, []*os.File{writer}, args...), reader
}

// printsTo starts segue serve in a process that sh has prepared, and waits until it is ready.
func printsTo(t *testing.T, fes []*fesim.FE, prepare string, files []*os.File, args ...string) *serving {
	t.Helper()
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	s := process(t, prepare, files, append([]string{"serve", "--config", path}, args...)...).open(addr, api)
	s.db.SetMaxIdleConns(0)
	s.ready()
	return s
}

// dropped is what segue_log_dropped_total says.
func (s *serving) dropped() int {
	s.t.Helper()
	for line := range strings.Lines(s.metrics()) {
		if value, ok := strings.CutPrefix(line, "segue_log_dropped_total "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return int(n)
		}
	}
	s.t.Fatal("there is no segue_log_dropped_total")
	return 0
}

// talk has it log until lines are dropped: at debug level each client that goes is one.
func (s *serving) talk() {
	s.t.Helper()
	for range 40 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 100 {
					c, err := net.DialTimeout("tcp", s.addr, patience)
					if err != nil {
						s.t.Errorf("nobody is let in any more: %v", err)
						return
					}
					c.Close()
				}
			})
		}
		wg.Wait()
		if s.t.Failed() {
			s.t.FailNow()
		}
		if s.dropped() > 0 {
			return
		}
	}
	s.t.Fatal("no line has been dropped")
}

// works fails the test unless statements are answered, and probing sees an FE go and come.
func (s *serving) works(fe *fesim.FE) {
	s.t.Helper()
	if err := once(s.addr); err != nil {
		s.t.Errorf("a statement: %v", err)
	}
	fe.Kill()
	eventually(s.t, "down", func() bool { return s.backend(fe.Name()).Health == backend.Down })
	if err := fe.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "up again", func() bool { return s.backend(fe.Name()).Health == backend.Up })
}

// stops ends it by two SIGTERMs while a statement runs.
func (s *serving) stops() {
	s.t.Helper()
	c := s.conn()
	answer := make(chan error, 1)
	go func() {
		var zero int
		answer <- c.QueryRowContext(s.t.Context(), "SELECT SLEEP(60)").Scan(&zero)
	}()
	eventually(s.t, "busy", func() bool {
		list, err := s.client.Sessions(s.t.Context())
		return err == nil && strings.Contains(fmt.Sprint(list), "busy")
	})
	s.signal(syscall.SIGTERM)
	eventually(s.t, "draining", func() bool { return s.client.Ready(s.t.Context()) != nil })
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		s.t.Errorf("exit %d", code)
	}
	<-answer
}

// The log's reader ends, as `| tee` and a collector do when they are restarted.
func TestReaderOfTheLogGoes(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s, reader := piped(t, fes, allToPipe)
	reader.Close()
	eventually(t, "a line dropped", func() bool {
		s.signal(syscall.SIGHUP)
		return s.dropped() > 0
	})
	s.works(fes[0])
	s.stops()
}

// There never was one.
func TestLogWithoutReader(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	fes := frontends(t, 2, fesim.Options{})
	s := printsTo(t, fes, allToPipe, []*os.File{writer})
	s.works(fes[0])
	s.stops()
}

func TestLogOnFullDisk(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := printsTo(t, fes, "exec 1>/dev/full 2>/dev/full;", nil)
	eventually(t, "lines dropped", func() bool { return s.dropped() > 0 })
	s.works(fes[0])
	s.stops()
}

// The log's reader stops reading, and Segue has much to say.
func TestReaderOfTheLogStalls(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s, _ := piped(t, fes, allToPipe, "--log-level", "debug")
	s.talk()
	s.works(fes[0])
	s.stops()
}

// … and reads on: the log goes on, and says what is missing.
func TestReaderOfTheLogReadsOn(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s, reader := piped(t, fes, logToPipe, "--log-level", "debug")
	s.talk()
	read, ended := &text{}, make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(read, reader)
	}()
	eventually(t, "said", func() bool { return strings.Contains(read.String(), "log lines are missing here") })
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	<-ended
	var last struct{ Msg string }
	for line := range strings.Lines(read.String()) {
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	if last.Msg != "stopped" {
		t.Errorf("the last line is %q", last.Msg)
	}
}

// Not even the reason for an end keeps the program from ending.
func TestFailureIsNotHeldUpByTheLog(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	size, _, errno := syscall.Syscall(syscall.SYS_FCNTL, writer.Fd(), syscall.F_SETPIPE_SZ, uintptr(os.Getpagesize()))
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, err := writer.Write(bytes.Repeat([]byte("x"), int(size))); err != nil {
		t.Fatal(err)
	}
	fe := frontends(t, 1, fesim.Options{})[0]
	p := process(t, logToPipe, []*os.File{writer}, "serve", "--listen", fe.MySQLAddress(), "127.0.0.2:1") // a port that is taken
	if code := p.wait(); code != exitFailed {
		t.Errorf("exit %d", code)
	}
}
