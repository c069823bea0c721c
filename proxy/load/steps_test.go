package load_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/proxy/load"
)

// step sends a step of a transaction.
func (r *rig) step(t *testing.T, name, label, body string) answer {
	t.Helper()
	header := map[string]string{"db": "fesim", "table": "loads_txn", "label": label, "format": "csv", "column_separator": ",", "Expect": "100-continue"}
	method, in := "POST", io.Reader(nil)
	if body != "" {
		method, in = "PUT", strings.NewReader(body)
	}
	return r.send(t, method, "/api/transaction/"+name, header, in)
}

// A transaction is seen as open between two requests, and no longer once it has ended.
func TestTransactions(t *testing.T) {
	r := start(t, 2, options)
	for i, name := range []string{"begin", "load", "load", "prepare", "commit"} {
		body := ""
		if name == "load" {
			body = csv(10*i, 10)
		}
		if a := r.step(t, name, "one", body); a.status() != "OK" {
			t.Fatalf("%s: %d %s %v\n%s", name, a.code, a.text, a.err, r.log)
		}
		l := r.Loads()
		if open := len(l) == 1 && l[0].State == "open" && l[0].Label == "one" && l[0].User == "root"; open != (name != "commit") || len(l) > 1 {
			t.Errorf("behind %s: %+v", name, l)
		}
	}
	r.loaded(t, "loads_txn", 20)
	if a := r.step(t, "commit", "one", ""); a.status() != "OK" {
		t.Errorf("commit, repeated: %s", a.text)
	}
	if a := r.step(t, "begin", "two", ""); a.status() != "OK" {
		t.Errorf("begin: %s", a.text)
	}
	if a := r.step(t, "load", "two", csv(100, 5)); a.status() != "OK" {
		t.Errorf("load: %s", a.text)
	}
	if a := r.step(t, "rollback", "two", ""); a.status() != "OK" || len(r.Loads()) != 0 {
		t.Errorf("rollback: %s, in flight %v", a.text, r.Loads())
	}
	r.loaded(t, "loads_txn", 20)
}

// Whatever is lost of a step's answer, at the BE, at the leader, or between the two: what was not acknowledged is not in the table, and what was is there once.
func TestFaultsOfSteps(t *testing.T) {
	t.Parallel()
	for _, op := range []fesim.LoadOp{fesim.OpBegin, fesim.OpTxnLoad, fesim.OpPrepare, fesim.OpCommit} {
		for _, at := range []fesim.LoadStep{fesim.AtArrival, fesim.AtDone, fesim.AtAnswer} {
			for _, harm := range []fesim.LoadHarm{fesim.HarmCut, fesim.HarmReset} {
				t.Run(fmt.Sprintf("%s/%s/%s", op, at, harm), func(t *testing.T) {
					t.Parallel()
					r := start(t, 2, options)
					fault := fesim.LoadFault{Op: op, Step: at, Do: harm}
					for _, be := range r.sim.BEs() {
						be.InjectLoad(fault)
					}
					r.sim.Leader().InjectLoad(fault)
					committed := true
					for _, name := range []string{"begin", "load", "prepare", "commit"} {
						body := ""
						if name == "load" {
							body = csv(0, 100)
						}
						a := r.step(t, name, "one", body)
						if a.err != nil || a.code != 200 {
							t.Fatalf("%s: no answer: %d %s %v\n%s", name, a.code, a.text, a.err, r.log)
						}
						if a.status() != "OK" {
							t.Logf("%s: %s", name, a.text)
							committed = false
							_ = r.step(t, "rollback", "one", "")
							break
						}
					}
					want := 0
					if committed {
						want = 100
					}
					if !committed && op != fesim.OpTxnLoad {
						t.Errorf("it could have been hidden")
					}
					r.loaded(t, "loads_txn", want)
				})
			}
		}
	}
}

// tornLoad begins a transaction, and cuts off a load of it of which a row has come to the BE.
func (r *rig) tornLoad(t *testing.T) {
	t.Helper()
	if a := r.step(t, "begin", "one", ""); a.status() != "OK" {
		t.Fatal(a.text, a.err)
	}
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT /api/transaction/load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\ndb: fesim\r\ntable: loads_txn\r\nlabel: one\r\nformat: csv\r\ncolumn_separator: ,\r\nContent-Length: 1000\r\n\r\n1,2\n")
	until(t, "it is at the BE", func() bool {
		for _, l := range r.Loads() {
			if l.Kind == "txn_load" && l.In == 4 {
				return true
			}
		}
		return false
	})
	_ = conn.Close()
}

// A transaction of which a load was cut off by its client is not committed, whoever tries.
func TestTornTransaction(t *testing.T) {
	r := start(t, 1, options)
	r.tornLoad(t)
	until(t, "it has gone", func() bool { return r.metric(t, "segue_loads_total", "gone") == 1 })
	for _, name := range []string{"prepare", "commit"} {
		if a := r.step(t, name, "one", ""); a.status() == "OK" {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	r.loaded(t, "loads_txn", 0)
}

// Redirects lead to nodes that are known, and to nobody else; the client's password goes nowhere else.
func TestRedirectsToStrangers(t *testing.T) {
	asked := false
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer stranger.Close()
	c := sink(t)
	fe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://root:secret@"+stranger.Listener.Addr().String()+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer fe.Close()
	c.frontends = []load.Frontend{{Name: "fe", Address: fe.Listener.Addr().String(), Up: true}}
	o := options
	o.Hold, o.Budget = 300*time.Millisecond, 300*time.Millisecond
	r := serveCluster(t, c, o)
	a := r.send(t, "PUT", "/api/d/t/_stream_load", csvHeader, strings.NewReader("1,2\n"))
	if a.status() != "Fail" || !strings.Contains(a.text, "load.nodes") || strings.Contains(a.text+r.log.String(), "secret") {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
	if a := r.send(t, "GET", "/api/_load_error_log?file=x&segue_node="+stranger.Listener.Addr().String(), nil, nil); a.code != http.StatusForbidden {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
	if asked {
		t.Error("a stranger was asked")
	}
	o.Nodes = []string{"127.0.0.1"}
	r.SetOptions(o)
	if a := r.send(t, "PUT", "/api/d/t/_stream_load", csvHeader, strings.NewReader("1,2\n")); !asked {
		t.Errorf("one that is configured was not asked: %d %s %v", a.code, a.text, a.err)
	}
}

// With follow: false the client gets the redirect.
func TestNotFollowed(t *testing.T) {
	o := options
	o.Follow = false
	r := start(t, 1, o)
	a := r.send(t, "PUT", "/api/fesim/loads_a/_stream_load", csvHeader, strings.NewReader("1,2\n"))
	if a.code != http.StatusTemporaryRedirect {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
}

// Rows that were filtered can be read by the same address.
func TestErrorLog(t *testing.T) {
	r := start(t, 2, options)
	a := r.send(t, "PUT", "/api/fesim/loads_a/_stream_load", with(csvHeader, "columns", "id,v", "max_filter_ratio", "0"), strings.NewReader("1,2\nx\n"))
	where, _ := a.json["ErrorURL"].(string)
	if where == "" {
		t.Skipf("the simulator filtered nothing: %s", a.text)
	}
	if !strings.HasPrefix(where, r.url+"/api/_load_error_log?") {
		t.Fatalf("ErrorURL is %s", where)
	}
	if got := r.send(t, "GET", strings.TrimPrefix(where, r.url), nil, nil); got.code != 200 || got.text == "" {
		t.Errorf("%d %s %v", got.code, got.text, got.err)
	}
}

// FEs that refuse, hang up or have gone are passed over; with none at all the client is told so after the hold.
func TestFrontendsGo(t *testing.T) {
	o := options
	o.Hold = 500 * time.Millisecond
	r := start(t, 1, o)
	followers := r.sim.FEs()
	for i := range 6 {
		if a := r.send(t, "PUT", fmt.Sprintf("/api/fesim/loads_%d/_stream_load", i), csvHeader, strings.NewReader(csv(0, 10))); a.status() != "Success" {
			t.Errorf("%d: %d %s %v", i, a.code, a.text, a.err)
		}
		r.loaded(t, fmt.Sprintf("loads_%d", i), 10)
		if i == 1 { // an FE that is not the leader
			for _, fe := range followers {
				if fe != r.sim.Leader() {
					fe.Kill()
					break
				}
			}
		}
	}
	r.cluster.change(func() {
		for _, fe := range followers {
			r.cluster.gone[fe.Name()] = true
		}
	})
	a := r.send(t, "PUT", "/api/fesim/loads_a/_stream_load", csvHeader, strings.NewReader(csv(0, 10)))
	if a.code != 200 || a.status() != "Fail" || a.json["Outcome"] != "nothing" {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
	if a := r.send(t, "GET", "/api/fesim/get_load_state?label=x", nil, nil); a.code != http.StatusServiceUnavailable {
		t.Errorf("%d %s %v", a.code, a.text, a.err)
	}
	f := r.ledger.Failures()
	if len(f.Seen) == 0 || len(f.Hidden) == 0 {
		t.Errorf("the ledger has %+v", f)
	}
}
