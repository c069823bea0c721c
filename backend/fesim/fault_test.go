package fesim_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/backend/wire"
)

// silent checks that nothing comes for a while and the connection stays.
func (c *raw) silent() {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
		c.t.Fatal(err)
	}
	n, err := c.in.Read(make([]byte, 1))
	if e, ok := errors.AsType[net.Error](err); n != 0 || !ok || !e.Timeout() {
		c.t.Errorf("%d bytes, %v: want silence", n, err)
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
}

// authenticate sends a response as root.
func (c *raw) authenticate(plugin string) {
	c.t.Helper()
	m := c.response()
	m.Capabilities &^= wire.ClientConnectWithDB
	m.AuthPlugin = plugin
	c.send(1, m.Append(nil))
}

func TestS29_ConnectionPhase(t *testing.T) {
	f := start(t, fesim.Options{})
	for name, tt := range map[string]struct {
		fault fesim.Fault
		check func(*raw)
	}{
		"accept, then silence": {fesim.Fault{AcceptSilent: true}, (*raw).silent},
		"frozen":               {fesim.Fault{Freeze: true}, (*raw).silent},
		"greeting delay":       {fesim.Fault{GreetingDelay: 60 * time.Millisecond}, func(c *raw) { c.silent(); c.greet() }},
		"ERR 1040": {fesim.Fault{GreetingERR: fesim.TooManyConnections()}, func(c *raw) {
			if e, ok := errors.AsType[*wire.Err](c.greeting.Decode(c.must(0))); !ok || e.Code != 1040 {
				c.t.Errorf("greeting: %v", e)
			}
			c.wantEnd(false)
		}},
		"EOF before greeting": {fesim.Fault{EOFBeforeGreeting: true}, func(c *raw) { c.wantEnd(false) }},
		"greeting cut": {fesim.Fault{TruncateGreeting: true}, func(c *raw) {
			if _, _, err := c.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				c.t.Errorf("%v", err)
			}
		}},
		"EOF after greeting": {fesim.Fault{EOFAfterGreeting: true}, func(c *raw) { c.greet(); c.wantEnd(false) }},
		"EOF after auth":     {fesim.Fault{EOFAfterAuth: true}, func(c *raw) { c.greet(); c.authenticate(""); c.wantEnd(false) }},
		"RST after auth":     {fesim.Fault{ResetAfterAuth: true}, func(c *raw) { c.greet(); c.authenticate(""); c.wantEnd(true) }},
		"hang after auth":    {fesim.Fault{HangAfterAuth: true}, func(c *raw) { c.greet(); c.authenticate(""); c.silent() }},
		"EOF after switch": {fesim.Fault{EOFAfterSwitch: true}, func(c *raw) {
			c.greet()
			c.authenticate(wire.PluginCachingSHA2Password)
			c.must(2)
			c.wantEnd(false)
		}},
		"ERR in place of OK": {fesim.Fault{LoginERR: fesim.TooManyConnections()}, func(c *raw) {
			c.greet()
			c.authenticate("")
			if e := c.must(2); e[0] != 0xff {
				c.t.Errorf("%x", e)
			}
			c.wantEnd(false)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f.SetFault(tt.fault)
			tt.check(dialRaw(t, f))
			f.SetFault(fesim.Fault{})
			login(t, f)
		})
	}
}

func TestS29_Refuse(t *testing.T) {
	f := start(t, fesim.Options{})
	there := login(t, f)
	f.SetFault(fesim.Fault{Refuse: true})
	if !refused(f) {
		t.Error("the port accepts")
	}
	there.run("SELECT 1", 5) // only new connections are concerned
	f.SetFault(fesim.Fault{})
	login(t, f)
}

func TestS29_CommandPhase(t *testing.T) {
	f := start(t, fesim.Options{})
	const insert = "INSERT INTO fesim.ledger VALUES ('x')"
	c := login(t, f)
	f.SetFault(fesim.Fault{CutBefore: true})
	c.query(insert)
	c.wantEnd(false)
	if n := f.Cluster().Executions("x"); n != 0 {
		t.Errorf("cut before: executed %d times", n)
	}
	f.SetFault(fesim.Fault{})
	c = login(t, f)
	f.SetFault(fesim.Fault{CutAfter: true})
	c.query(insert)
	c.wantEnd(false)
	if n := f.Cluster().Executions("x"); n != 1 {
		t.Errorf("cut after: executed %d times", n)
	}
	f.SetFault(fesim.Fault{Truncate: true})
	c = login(t, f)
	c.query("SELECT 1")
	if b, err := io.ReadAll(c.in); err != nil || len(b) == 0 {
		t.Errorf("truncated: %x, %v", b, err)
	}
	f.SetFault(fesim.Fault{SlowResult: 10 * time.Millisecond})
	c = login(t, f)
	began := time.Now()
	c.run("SELECT 1", 5)
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("slow result in %v", took)
	}
}

func TestS29_FreezeAndThaw(t *testing.T) {
	f := start(t, fesim.Options{})
	c := login(t, f)
	f.SetFault(fesim.Fault{Freeze: true})
	c.query("SELECT 1")
	c.silent()
	f.SetFault(fesim.Fault{})
	for seq := uint8(1); seq <= 5; seq++ {
		c.must(seq)
	}
}

func TestS29_Health(t *testing.T) {
	f := start(t, fesim.Options{})
	f.SetFault(fesim.Fault{HealthFlap: true})
	a, _ := health(t, f)
	b, _ := health(t, f)
	if a+b != 700 {
		t.Errorf("flap: %d, %d", a, b)
	}
	f.SetFault(fesim.Fault{HealthDelay: 30 * time.Millisecond})
	began := time.Now()
	if code, _ := health(t, f); code != 200 || time.Since(began) < 30*time.Millisecond {
		t.Errorf("delay: %d after %v", code, time.Since(began))
	}
	f.SetFault(fesim.Fault{HealthHang: true})
	answered := make(chan int)
	go func() { code, _ := health(t, f); answered <- code }()
	select {
	case code := <-answered:
		t.Errorf("hang: answered %d", code)
	case <-time.After(30 * time.Millisecond):
	}
	f.Kill()
	if code := <-answered; code != 0 {
		t.Errorf("answered %d", code)
	}
}

func TestStartTwice(t *testing.T) {
	f := start(t, fesim.Options{})
	if err := f.Start(); err == nil {
		t.Error("a running FE was started")
	}
}

func TestAddressInUse(t *testing.T) {
	f := start(t, fesim.Options{})
	if _, err := fesim.New(fesim.Options{MySQLAddress: f.MySQLAddress()}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second FE at the same address: %v", err)
	}
}
