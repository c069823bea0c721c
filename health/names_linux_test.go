package health

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/dial/dialtest"
)

// A backend whose name has an address that leads nowhere, ahead of the one that works, is up: by its MySQL port and by its health URL.
func TestNamesWithSeveralAddresses(t *testing.T) {
	names := dialtest.Serve(t)
	names.Set("db.test.", "127.0.0.2", "127.0.0.1")
	address := listen(t, func(conn net.Conn) {
		_, _ = conn.Write(packet(0, starrocks.Append(nil)))
		hang(conn)
	})
	_, port, _ := net.SplitHostPort(address)
	dialtest.Nowhere(t, "127.0.0.2:"+port)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"OK"}`) }))
	t.Cleanup(web.Close)
	_, webPort, _ := net.SplitHostPort(web.Listener.Addr().String())
	dialtest.Nowhere(t, "127.0.0.2:"+webPort)

	reg := backend.NewRegistry(backend.Options{})
	reg.Apply([]backend.Spec{{Name: "a", Address: "db.test.:" + port, HealthURL: "http://db.test.:" + webPort + "/"}})
	b := reg.Backends()[0]
	m := &MySQL{}
	t.Cleanup(m.Close)
	h := NewHTTP(backend.Doris, nil)
	t.Cleanup(h.Close)
	for name, check := range map[string]Checker{"mysql": m, "http": h} {
		ctx, cancel := context.WithTimeout(t.Context(), DefaultTimeout)
		r := check.Check(ctx, b)
		cancel()
		if r.Verdict != Passed {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if got := b.Reached().Last().String(); got != "127.0.0.1" {
		t.Errorf("%s is remembered", got)
	}
	h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), DefaultTimeout)
	defer cancel()
	if r := h.Check(ctx, b); r.Verdict != Passed || r.Took > 200*time.Millisecond {
		t.Errorf("again: %+v", r)
	}
}
