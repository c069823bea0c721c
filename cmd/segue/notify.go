package main

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// systemd tells the service manager how it stands, by the protocol of
// sd_notify(3): one datagram of KEY=VALUE lines. The zero value tells nobody.
type systemd struct {
	socket string // NOTIFY_SOCKET
}

// tell sends lines. An error means that nobody listens, and changes nothing
// for clients: it is dropped.
func (s systemd) tell(lines ...string) {
	if s.socket == "" {
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

func (s systemd) ready(status string) { s.tell("READY=1", "STATUS="+status) }
func (s systemd) reloading()          { s.tell("RELOADING=1") }
func (s systemd) status(text string)  { s.tell("STATUS=" + text) }

// stopping says that it may take a while.
func (s systemd) stopping(status string, most time.Duration) {
	s.tell("STOPPING=1", "STATUS="+status, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", most.Microseconds()))
}
