package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// systemd tells the service manager how it stands, by the protocol of
// sd_notify(3): one datagram of KEY=VALUE lines. The zero value tells nobody.
type systemd struct {
	socket     string   // NOTIFY_SOCKET
	invocation string   // INVOCATION_ID: which run of which unit this process belongs to
	begun      *os.File // what is closed, behind a byte, once it is ready, for whoever has started it; nil: nobody waits

	mu    sync.Mutex // guards what follows
	muted bool       // another process speaks for the unit
	ends  bool       // it has been told that this one is stopping
}

// run is which run of which unit this process is of; empty: of none.
func (s *systemd) run() string {
	if s == nil {
		return ""
	}
	return s.invocation
}

// tell sends lines. An error means that nobody listens, and changes nothing
// for clients: it is dropped.
func (s *systemd) tell(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == "" || s.muted {
		return
	}
	// A leading @ is the abstract namespace for systemd and for package net.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(strings.Join(lines, "\n")))
}

func (s *systemd) ready(status string) { s.tellUnlessStopping("READY=1", "STATUS="+status) }
func (s *systemd) reloading()          { s.tellUnlessStopping("RELOADING=1") }
func (s *systemd) status(text string)  { s.tellUnlessStopping("STATUS=" + text) }

// tellUnlessStopping is tell of what is not to be said any more once Segue is stopping: backends that come and go, and reloads, would say that it is not.
func (s *systemd) tellUnlessStopping(lines ...string) {
	s.mu.Lock()
	ends := s.ends
	s.mu.Unlock()
	if !ends {
		s.tell(lines...)
	}
}

// stopping says that it may take a while.
func (s *systemd) stopping(status string, most time.Duration) {
	s.mu.Lock()
	s.ends = true
	s.mu.Unlock()
	s.tell("STOPPING=1", "STATUS="+status, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", most.Microseconds()))
}

// follow makes a process that has taken over the unit's main process, if it is of the same run of the same unit; one of another unit has its own
// word with the service manager. From then on this process says no more: its end is not the unit's.
func (s *systemd) follow(pid int32, invocation string) {
	if s.invocation == "" || invocation != s.invocation {
		return
	}
	s.tell(fmt.Sprintf("MAINPID=%d", pid))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = true
}

// started tells whoever waits for it that it is ready.
func (s *systemd) started() {
	if s.begun == nil {
		return
	}
	_, _ = s.begun.Write([]byte{'\n'}) // nobody waits any more: no reason to fail
	_ = s.begun.Close()
}
