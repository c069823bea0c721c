package proxy

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/dial"
	"segue/backend/dial/dialtest"
)

// A name has three addresses: one leads nowhere, one refuses, and one works. Clients get through, the address that works is remembered, one that the name no
// longer has is not dialed, and while none works the client is told of it in time.
func TestNamesWithSeveralAddresses(t *testing.T) {
	names := dialtest.Serve(t)
	peer := newPeer(t, native("ABCDEFGHIJKLMNOPQRST", nil))
	_, port, _ := net.SplitHostPort(peer.spec("x").Address)
	dialtest.Nowhere(t, "127.0.0.2:"+port)
	names.Set("db.test.", "127.0.0.2", "127.0.0.3", "127.0.0.1")
	p := start(t, Options{ConnectTimeout: 4 * time.Second, ConnectBudget: 6 * time.Second}, backend.Spec{Name: "a", Address: "db.test.:" + port})
	b, _ := p.registry.Lookup("a")

	began := time.Now()
	if err := p.dial().login("pw"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < dial.Delay || took > 3*time.Second {
		t.Errorf("the first login took %s", took)
	}
	if got := b.Reached().Last().String(); got != "127.0.0.1" {
		t.Errorf("%s is remembered", got)
	}
	asked := names.Asked()
	took := soonest(func() {
		if err := p.dial().login("pw"); err != nil {
			t.Fatal(err)
		}
	})
	if took >= dial.Delay {
		t.Errorf("a second login took %s", took)
	}
	if names.Asked() == asked {
		t.Error("the name is not looked up again")
	}

	names.Set("db.test.", "127.0.0.3") // which refuses, though the one that worked would still do
	if err := p.dial().login("pw"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v", err)
	}
	names.Set("db.test.", "127.0.0.3", "127.0.0.2")
	if err := p.dial().login("pw"); err == nil || !strings.Contains(err.Error(), "no usable backend") {
		t.Errorf("%v", err)
	}
	names.Set("db.test.")
	var none *net.OpError
	if err := p.dial().login("pw"); err == nil || errors.As(err, &none) {
		t.Errorf("%v", err)
	}
}
