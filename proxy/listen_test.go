package proxy

import (
	"net"
	"testing"
	"time"
)

// A connection that lasts has keepalive in the end, whoever accepted it and to whom it was dialled.
func TestConnectionsThatLastHaveKeepalive(t *testing.T) {
	p := start(t, Options{}, newPeer(t, echo).spec("a"))
	d := p.connect()
	d.ask("SELECT 1")
	c := p.only()
	c.mu.Lock()
	if !inherits == c.client.lasting || c.back.lasting {
		t.Errorf("at first: client %v, backend %v", c.client.lasting, c.back.lasting)
	}
	c.opened = c.opened.Add(-2 * napEvery)
	c.mu.Unlock()
	c.doze(p.elapsed())
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.client.lasting || !c.back.lasting {
		t.Errorf("later: client %v, backend %v", c.client.lasting, c.back.lasting)
	}
	c.back.lasting = false
	c.client.last()
	if c.back.last(); !c.back.lasting {
		t.Error("the connection of a session that has moved does not last")
	}
}

// A connection that has inherited nothing gets its keepalive, too.
func TestConnectionOfAnotherListener(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	if _, err := newConn(near, false); err == nil {
		t.Error("a pipe is no socket")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	nc, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConn(accepted, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c.lasting {
		t.Error("it has keepalive already")
	}
	if c.last(); !c.lasting {
		t.Error("it has not got keepalive")
	}
}
