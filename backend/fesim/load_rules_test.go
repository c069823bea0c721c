package fesim_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/fesim"
)

// csv are the headers of a load of CSV with commas.
func csv(label string, more ...string) map[string]string {
	h := map[string]string{"label": label, "column_separator": ","}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

const path = "/api/test/t/_stream_load"

// want checks one field of an answer.
func (a answer) want(t *testing.T, field string, value any) {
	t.Helper()
	if a.body[field] != value {
		t.Errorf("%s is %v, want %v: %v", field, a.body[field], value, a)
	}
}

// has checks that an answer contains a text.
func (a answer) has(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(a.text, text) {
		t.Errorf("%v, want %q in it", a, text)
	}
}

func follower(t *testing.T, c *fesim.Cluster) *fesim.FE {
	t.Helper()
	for _, f := range c.FEs() {
		if f != c.Leader() && f.ExitCode() < 0 {
			return f
		}
	}
	t.Fatal("no follower")
	return nil
}

// state asks an FE for a label's state, and follows redirects.
func state(t *testing.T, fe *fesim.FE, label string) string {
	t.Helper()
	u := "http://" + fe.HTTPAddress() + "/api/test/get_load_state?label=" + label
	for range 3 {
		a := send(t, http.MethodGet, u, nil, nil)
		if a.status != http.StatusTemporaryRedirect {
			s, _ := a.body["state"].(string)
			return s
		}
		u = a.header.Get("Location")
	}
	return "redirected for ever"
}

// txn does an operation of a transaction at an FE, and follows redirects.
func txn(t *testing.T, fe *fesim.FE, op, label, body string, more ...string) answer {
	t.Helper()
	h := csv(label, append([]string{"db", "test", "table", "t"}, more...)...)
	u := "http://" + fe.HTTPAddress() + "/api/transaction/" + op
	for range 4 {
		method, b := http.MethodPost, io.Reader(nil)
		if op == "load" {
			method, b = http.MethodPut, strings.NewReader(body)
		}
		a := send(t, method, u, h, b)
		if a.status != http.StatusTemporaryRedirect {
			return a
		}
		u = a.header.Get("Location")
	}
	t.Fatal("redirected for ever")
	return answer{}
}

// L1 to L9: the FE step.
func TestLoadRulesOfFEs(t *testing.T) {
	c := loadCluster(t, 3, fesim.Options{}, fesim.BEOptions{})
	fe := follower(t, c)
	at := "http://" + fe.HTTPAddress()
	t.Run("L1 without Expect: 200 FAILED", func(t *testing.T) {
		a := send(t, http.MethodPut, at+path, map[string]string{"Expect": ""}, strings.NewReader("1\n"))
		if a.status != http.StatusOK {
			t.Error(a)
		}
		a.want(t, "Status", "FAILED")
		a.has(t, "There is no 100-continue header")
	})
	t.Run("L2 HTTP/1.0 needs no Expect", func(t *testing.T) {
		if head := exchange(t, fe.HTTPAddress(), "PUT "+path+" HTTP/1.0\r\nAuthorization: Basic cm9vdDo=\r\nContent-Length: 2\r\n\r\n"); !strings.Contains(head, " 307 ") {
			t.Error(head)
		}
	})
	t.Run("L3 wrong password: 401", func(t *testing.T) {
		if a := send(t, http.MethodPut, at+path, map[string]string{"Authorization": "Basic cm9vdDp4"}, strings.NewReader("1\n")); a.status != http.StatusUnauthorized {
			t.Error(a)
		}
	})
	t.Run("L4 307 in turn, path and query kept, always http, the connection closes", func(t *testing.T) {
		seen := map[string]bool{}
		for range 6 {
			a := send(t, http.MethodPut, at+path+"?a=b%20c", nil, strings.NewReader("1\n"))
			u, err := url.Parse(a.header.Get("Location"))
			if err != nil || a.status != http.StatusTemporaryRedirect || u.Scheme != "http" || u.Path != path || u.RawQuery != "a=b%20c" || u.User != nil {
				t.Fatal(a, a.header)
			}
			seen[u.Host] = true
		}
		if len(seen) != 3 {
			t.Error(seen)
		}
		if head := exchange(t, fe.HTTPAddress(), "PUT "+path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Basic cm9vdDo=\r\nContent-Length: 2\r\n\r\n"); !strings.Contains(head, "Connection: close") {
			t.Error(head)
		}
	})
	t.Run("L4 a slash at the end does not count", func(t *testing.T) {
		put(t, fe, path+"/", csv("slash"), "1\n").want(t, "Status", "Success")
	})
	t.Run("L5 get_load_state is the leader's affair", func(t *testing.T) {
		if a := send(t, http.MethodGet, at+"/api/test/get_load_state?label=x", nil, nil); a.status != http.StatusTemporaryRedirect || a.header.Get("Location") != "http://"+c.Leader().HTTPAddress()+"/api/test/get_load_state?label=x" {
			t.Error(a, a.header)
		}
		if s := state(t, fe, "nobody"); s != "UNKNOWN" {
			t.Error(s)
		}
	})
	t.Run("L6 transactions are the leader's affair", func(t *testing.T) {
		a := send(t, http.MethodPost, at+"/api/transaction/begin", csv("x", "db", "test", "table", "t"), nil)
		if a.status != http.StatusTemporaryRedirect || !strings.HasPrefix(a.header.Get("Location"), "http://"+c.Leader().HTTPAddress()) {
			t.Error(a, a.header)
		}
	})
	t.Run("L7 merge commit goes to the leader first", func(t *testing.T) {
		merge := csv("", "enable_merge_commit", "true", "merge_commit_interval_ms", "5", "merge_commit_parallel", "1")
		if a := send(t, http.MethodPut, at+path, merge, strings.NewReader("1\n")); !strings.HasPrefix(a.header.Get("Location"), "http://"+c.Leader().HTTPAddress()) {
			t.Error(a, a.header)
		}
	})
	t.Run("L8 nobody alive: 200 FAILED", func(t *testing.T) {
		for _, b := range c.BEs() {
			b.Stop(false)
		}
		var a answer
		eventually(t, func() bool {
			a = send(t, http.MethodPut, at+path, nil, strings.NewReader("1\n"))
			return a.status == http.StatusOK
		})
		a.want(t, "Status", "FAILED")
		a.has(t, "No backend alive.")
	})
	t.Run("L9 in an election followers name the last leader", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Election: time.Hour}, fesim.BEOptions{})
		old := c.Leader()
		fe := follower(t, c)
		old.Kill()
		if a := send(t, http.MethodGet, "http://"+fe.HTTPAddress()+"/api/test/get_load_state?label=x", nil, nil); !strings.HasPrefix(a.header.Get("Location"), "http://"+old.HTTPAddress()) {
			t.Error(a, a.header)
		}
	})
}

func TestLoadRulesOfSharedData(t *testing.T) { // L10
	c := loadCluster(t, 1, fesim.Options{SharedData: true}, fesim.BEOptions{})
	addBE(t, c, fesim.BEOptions{Compute: true})
	other := addBE(t, c, fesim.BEOptions{Compute: true, Warehouse: "etl"})
	for range 3 {
		a := send(t, http.MethodPut, "http://"+c.FEs()[0].HTTPAddress()+path, map[string]string{"warehouse": "etl"}, strings.NewReader("1\n"))
		if !strings.HasPrefix(a.header.Get("Location"), "http://"+other.HTTPAddress()) {
			t.Error(a, a.header)
		}
	}
	put(t, c.FEs()[0], path, map[string]string{"warehouse": "none"}, "1\n").has(t, "No backend alive.")
}

// L11: G4 refuses new work after its window, and admits the end of what has begun.
func TestLoadRulesOfALeavingFE(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{Generation: fesim.G4, TimeScale: 1, AcceptWindow: time.Millisecond, MinExit: time.Hour, MaxExit: time.Hour}, fesim.BEOptions{})
	leader := c.Leader()
	if a := txn(t, leader, "begin", "g4", ""); a.body["Status"] != "OK" {
		t.Fatal(a)
	}
	txn(t, leader, "load", "g4", "1\n").want(t, "Status", "OK")
	leader.GracefulExit()
	eventually(t, func() bool {
		return send(t, http.MethodPut, "http://"+leader.HTTPAddress()+path, nil, strings.NewReader("1\n")).status == http.StatusServiceUnavailable
	})
	txn(t, leader, "prepare", "g4", "").want(t, "Status", "OK")
	txn(t, leader, "commit", "g4", "").want(t, "Status", "OK")
	for _, g := range []fesim.Generation{fesim.G2, fesim.G3} { // full service
		c := loadCluster(t, 1, fesim.Options{Generation: g, TimeScale: 1, MinExit: time.Hour, MaxExit: time.Hour}, fesim.BEOptions{})
		fe := follower(t, c)
		fe.GracefulExit()
		put(t, fe, path, csv("x"), "1\n").want(t, "Status", "Success")
	}
}

// L12 to L19: the BE and labels.
func TestLoadRulesOfBEs(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{LabelKeepMax: 50}, fesim.BEOptions{})
	fe, be := c.FEs()[0], c.BEs()[0]
	t.Run("L12 a label that is used: FINISHED", func(t *testing.T) {
		put(t, fe, path, csv("once"), "1\n").want(t, "Status", "Success")
		a := put(t, fe, path, csv("once"), "1\n")
		a.want(t, "Status", "Label Already Exists")
		a.want(t, "ExistingJobStatus", "FINISHED")
		if s := state(t, fe, "once"); s != "VISIBLE" {
			t.Error(s)
		}
	})
	t.Run("L13 a label in use: RUNNING, and after an abort it is free", func(t *testing.T) {
		block := make(chan struct{})
		body, w := io.Pipe()
		sent := make(chan answer, 1)
		go func() {
			sent <- sendTo(context.Background(), http.MethodPut, "http://"+be.HTTPAddress()+path, csv("run"), body)
		}()
		fmt.Fprint(w, "1\n")
		close(block)
		a := put(t, fe, path, csv("run"), "1\n")
		a.want(t, "Status", "Label Already Exists")
		a.want(t, "ExistingJobStatus", "RUNNING")
		w.CloseWithError(io.ErrUnexpectedEOF)
		<-sent
		eventually(t, func() bool { return state(t, fe, "run") == "ABORTED" })
		put(t, fe, path, csv("run"), "7\n").want(t, "Status", "Success")
	})
	t.Run("L14 Fail of bad rows, with ErrorURL", func(t *testing.T) {
		a := put(t, fe, path, csv("bad", "columns", "a,b"), "1,a\n2\n")
		a.want(t, "Status", "Fail")
		a.want(t, "Message", "too many filtered rows")
		u, _ := a.body["ErrorURL"].(string)
		if !strings.HasPrefix(u, "http://"+be.HTTPAddress()+"/api/_load_error_log?file=") {
			t.Fatal(a)
		}
		send(t, http.MethodGet, u, nil, nil).has(t, "Row: 2")
		if s := state(t, fe, "bad"); s != "ABORTED" {
			t.Error(s)
		}
		a = put(t, fe, path, csv("some", "columns", "a,b", "max_filter_ratio", "0.5"), "31,a\n32\n")
		a.want(t, "Status", "Success")
		a.want(t, "NumberFilteredRows", 1.0)
	})
	t.Run("L15 nothing to load: Fail", func(t *testing.T) {
		put(t, fe, path, csv("none"), "").has(t, "No partitions have data available for loading")
	})
	t.Run("L16 unknown database or format: Fail before 100", func(t *testing.T) {
		put(t, fe, "/api/nowhere/t/_stream_load", csv("x1"), "1\n").has(t, "unknown database")
		put(t, fe, path, csv("x2", "format", "xml"), "1\n").has(t, "unknown data format")
	})
	t.Run("L17 bodies", func(t *testing.T) {
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		fmt.Fprint(g, "100,a\n101,b\n")
		g.Close()
		for i, tt := range []struct {
			header map[string]string
			body   string
			rows   float64
			key    string
		}{
			{csv("", "row_delimiter", `\x02`, "column_separator", `\x01`), "90\x01a\x0291\x01b", 2, "91"},
			{csv("", "skip_header", "1"), "id,name\n92,a\n", 1, "92"},
			{csv("", "format", "json"), `{"id":93,"v":"a"}` + "\n" + `{"v":1,"id":94}`, 2, "94"},
			{csv("", "format", "json", "strip_outer_array", "true"), `[{"id":95},{"id":96}]`, 2, "96"},
			{csv("", "format", "json"), `{"name":"x"}`, 1, "x"},
			{csv("", "compression", "gzip"), z.String(), 2, "101"},
			{csv("", "format", "gzip"), z.String(), 2, "101"},
			{csv("", "format", "parquet"), "PAR1xPAR1", 1, ""},
		} {
			tt.header["label"] = fmt.Sprintf("body%d", i)
			a := put(t, fe, path, tt.header, tt.body)
			a.want(t, "NumberLoadedRows", tt.rows)
			if tt.key != "" && c.Loaded("test", "t").Times(tt.key) == 0 {
				t.Errorf("%d: no row %s: %v", i, tt.key, a)
			}
		}
		put(t, fe, path, csv("array", "format", "json"), `[{"id":1}]`).has(t, "strip_outer_array=true")
		put(t, fe, path, csv("torn", "format", "json"), `{"id":`).want(t, "Status", "Fail")
	})
	t.Run("L18 chunked bodies, and none of their ends", func(t *testing.T) {
		head := "PUT " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nlabel: "
		if got := exchange(t, be.HTTPAddress(), head+"chunks\r\n\r\n4\r\n200\n\r\n4\r\n201\n\r\n0\r\n\r\n"); !strings.Contains(got, `"NumberLoadedRows": 2`) {
			t.Error(got)
		}
		exchange(t, be.HTTPAddress(), head+"cut\r\n\r\n4\r\n202\n\r\n")
		eventually(t, func() bool { return c.LoadLabel("test", "cut").State == fesim.LoadAborted })
		if c.Loaded("test", "t").Times("202") != 0 {
			t.Error("loaded without its end")
		}
	})
	t.Run("L19 eviction by number", func(t *testing.T) {
		for i := range 60 {
			put(t, fe, path, csv(fmt.Sprintf("many%d", i)), "300\n").want(t, "Status", "Success")
		}
		if s := state(t, fe, "many0"); s != "UNKNOWN" {
			t.Error(s)
		}
		if l := c.LoadLabel("test", "many0"); l.State != fesim.LoadVisible || !l.Forgotten {
			t.Errorf("%+v", l)
		}
		put(t, fe, path, csv("many0"), "300\n").want(t, "Status", "Success") // twice, and nobody knows
		if n := c.Loaded("test", "t").Times("300"); n != 61 {
			t.Error(n)
		}
	})
	t.Run("L19 eviction by age", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{LabelKeep: time.Second}, fesim.BEOptions{}) // 10 ms
		put(t, c.FEs()[0], path, csv("old"), "1\n").want(t, "Status", "Success")
		eventually(t, func() bool { return state(t, c.FEs()[0], "old") == "UNKNOWN" })
	})
}

// L20 to L26: who goes in the middle.
func TestLoadRulesOfLosses(t *testing.T) {
	die := func(t *testing.T, f fesim.LoadFault, want fesim.LoadState) (*fesim.Cluster, answer) {
		t.Helper()
		c := loadCluster(t, 1, fesim.Options{Election: 300 * time.Second}, fesim.BEOptions{}) // 3 s: a BE that tries again still finds no leader
		f.Do = fesim.HarmDie
		hit := make(chan struct{})
		f.Hit = func() { close(hit) }
		if strings.HasPrefix(string(f.Op), "rpc") {
			c.Leader().InjectLoad(f)
		} else {
			c.BEs()[0].InjectLoad(f)
		}
		a := put(t, follower(t, c), path, csv("lost"), "1\n2\n3\n")
		<-hit
		eventually(t, func() bool { return c.LoadLabel("test", "lost").State == want })
		return c, a
	}
	for _, tt := range []struct {
		name string
		f    fesim.LoadFault
		want fesim.LoadState
	}{
		{"L20 BE dies before the begin", fesim.LoadFault{Step: fesim.AtArrival}, fesim.LoadUnknown},
		{"L20 BE dies before 100", fesim.LoadFault{Step: fesim.AtBegun}, fesim.LoadAborted},
		{"L20 BE dies in mid body", fesim.LoadFault{Step: fesim.AtBytes, Bytes: 3}, fesim.LoadAborted},
		{"L20 BE dies before its commit", fesim.LoadFault{Step: fesim.AtBody}, fesim.LoadAborted},
		{"L21 BE dies after its commit", fesim.LoadFault{Step: fesim.AtDone}, fesim.LoadVisible},
		{"L21 BE dies in its answer", fesim.LoadFault{Step: fesim.AtAnswer}, fesim.LoadVisible},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := die(t, tt.f, tt.want)
			if a.err == nil {
				t.Error(a)
			}
			if n := c.Loaded("test", "t").Rows; (n == 3) != (tt.want == fesim.LoadVisible) || n != 0 && n != 3 {
				t.Error(n)
			}
			if tt.want == fesim.LoadAborted { // by the heartbeat: coordinate BE is down
				if r := c.LoadLabel("test", "lost").Reason; r != "coordinate BE is down" {
					t.Error(r)
				}
			}
		})
	}
	t.Run("L22 the leader dies at the commit: status unknown", func(t *testing.T) {
		c, a := die(t, fesim.LoadFault{Op: fesim.OpRPCCommit, Step: fesim.AtArrival}, fesim.LoadAborted)
		a.want(t, "Status", "Fail")
		a.has(t, "Transaction status unknown, you can retry with same label.")
		eventually(t, func() bool { return c.Leader() != nil })
		if l := c.LoadLabel("test", "lost"); !l.Forgotten || c.Loaded("test", "t").Rows != 0 { // PREPARE is in no journal
			t.Errorf("%+v", l)
		}
		if s := state(t, c.Leader(), "lost"); s != "UNKNOWN" {
			t.Error(s)
		}
		put(t, c.Leader(), path, csv("lost"), "1\n").want(t, "Status", "Success")
	})
	t.Run("L23 the leader dies after the commit: the same answer, and the rows are there", func(t *testing.T) {
		c, a := die(t, fesim.LoadFault{Op: fesim.OpRPCCommit, Step: fesim.AtDone}, fesim.LoadVisible)
		a.want(t, "Status", "Fail")
		a.has(t, "Transaction status unknown")
		eventually(t, func() bool { return c.Leader() != nil })
		if s := state(t, c.Leader(), "lost"); s != "VISIBLE" || c.Loaded("test", "t").Rows != 3 {
			t.Error(s)
		}
	})
	t.Run("L24 one commit without an answer is tried once more", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
		c.Leader().InjectLoad(fesim.LoadFault{Op: fesim.OpRPCCommit, Step: fesim.AtDone, Do: fesim.HarmCut})
		put(t, c.Leader(), path, csv("again"), "1\n").want(t, "Status", "Success")
		if n := c.Loaded("test", "t").Rows; n != 1 {
			t.Error(n)
		}
		c.Leader().InjectLoad(fesim.LoadFault{Op: fesim.OpRPCCommit, Step: fesim.AtArrival, Do: fesim.HarmCut, Times: 2})
		put(t, c.Leader(), path, csv("twice"), "1\n").has(t, "Transaction status unknown")
		if s := state(t, c.Leader(), "twice"); s != "ABORTED" { // need_rollback is still true
			t.Error(s)
		}
	})
	t.Run("L23 … also while it publishes", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Publish: time.Hour, TimeScale: 1, Election: time.Hour}, fesim.BEOptions{})
		go func() {
			for c.LoadLabel("test", "slow").State != fesim.LoadCommitted {
				time.Sleep(time.Millisecond)
			}
			c.Leader().Kill()
		}()
		put(t, follower(t, c), path, csv("slow"), "1\n").has(t, "Transaction status unknown")
		if l := c.LoadLabel("test", "slow"); l.State != fesim.LoadCommitted {
			t.Errorf("%+v", l)
		}
	})
	t.Run("L25 no leader at the begin: Fail, and no transaction", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Election: time.Hour}, fesim.BEOptions{})
		fe := follower(t, c)
		c.Leader().Kill()
		put(t, fe, path, csv("x"), "1\n").want(t, "Status", "Fail")
		if len(c.LoadTxns("test")) != 0 {
			t.Error(c.LoadTxns("test"))
		}
	})
	t.Run("L26 the other harms", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
		b := c.BEs()[0]
		for _, harm := range []fesim.LoadHarm{fesim.HarmCut, fesim.HarmReset} {
			for _, step := range []fesim.LoadStep{fesim.AtArrival, fesim.AtBegun, fesim.AtBytes, fesim.AtBody, fesim.AtDone, fesim.AtAnswer} {
				b.InjectLoad(fesim.LoadFault{Step: step, Bytes: 1, Do: harm})
				label := string(harm) + "-" + string(step)
				if a := put(t, c.FEs()[0], path, csv(label), "1\n2\n"); a.err == nil || b.LoadFaults() != 0 {
					t.Error(label, a)
				}
				want := fesim.LoadAborted
				switch step {
				case fesim.AtArrival:
					want = fesim.LoadUnknown
				case fesim.AtBody, fesim.AtDone, fesim.AtAnswer:
					want = fesim.LoadVisible
				case fesim.AtBegun, fesim.AtBytes:
				}
				eventually(t, func() bool { return c.LoadLabel("test", label).State == want })
			}
		}
		b.InjectLoad(fesim.LoadFault{Step: fesim.AtBytes, Bytes: 1, Do: fesim.HarmCut}) // while the client has more to send
		conn, err := net.Dial("tcp", b.HTTPAddress())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(wait))
		fmt.Fprint(conn, "PUT "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n")
		if all, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) || len(all) > 0 {
			t.Errorf("%q, %v", all, err)
		}
		hit := make(chan struct{})
		b.InjectLoad(fesim.LoadFault{Step: fesim.AtBegun, Do: fesim.HarmHang, Hit: func() { close(hit) }})
		go func() { <-hit; b.ClearLoadFaults() }()
		put(t, c.FEs()[0], path, csv("hang"), "1\n").want(t, "Status", "Success")
		c.FEs()[0].InjectLoad(fesim.LoadFault{Op: fesim.OpLoad, Step: fesim.AtArrival, Do: fesim.HarmDie})
		if a := put(t, c.FEs()[0], path, csv("fe"), "1\n"); a.err == nil {
			t.Error(a)
		}
	})
}

// L27, L28: a BE that leaves.
func TestLoadRulesOfALeavingBE(t *testing.T) {
	for _, spares := range []bool{false, true} {
		c := loadCluster(t, 2, fesim.Options{SpareLeavingLoads: spares, Heartbeat: 10 * time.Second}, fesim.BEOptions{Config: map[string]string{"loop_count_wait_fragments_finish": "300"}})
		b := c.BEs()[0]
		body, w := io.Pipe()
		sent := make(chan answer, 1)
		go func() {
			sent <- sendTo(context.Background(), http.MethodPut, "http://"+b.HTTPAddress()+path, csv("flight"), body)
		}()
		fmt.Fprint(w, "1\n")
		b.Stop(true)
		a := send(t, http.MethodPut, "http://"+b.HTTPAddress()+path, csv("late"), strings.NewReader("1\n"))
		a.want(t, "Status", "Fail")
		a.has(t, "Service is shutting down, please retry later!")
		eventually(t, func() bool { // no more redirects to it once SHUTDOWN is known
			for range 2 {
				if a := send(t, http.MethodPut, "http://"+c.FEs()[0].HTTPAddress()+path, nil, strings.NewReader("1\n")); strings.Contains(a.header.Get("Location"), b.HTTPAddress()) {
					return false
				}
			}
			return true
		})
		w.Close()
		a = <-sent
		want := "Fail"
		if spares {
			want = "Success"
		}
		a.want(t, "Status", want)
		<-b.Exited()
		if n := c.Loaded("test", "t").Rows; (n == 1) != spares {
			t.Error(spares, n)
		}
	}
}

// L29: Publish Timeout is committed.
func TestLoadRuleOfPublishTimeout(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{Publish: time.Hour}, fesim.BEOptions{})
	a := put(t, c.FEs()[0], path, csv("slow", "timeout", "4"), "1\n")
	a.want(t, "Status", "Publish Timeout")
	if s := state(t, c.FEs()[0], "slow"); s != "COMMITTED" || c.Loaded("test", "t").Rows != 1 {
		t.Error(s)
	}
}

// L30 to L36: transactions.
func TestLoadRulesOfTransactions(t *testing.T) {
	c := loadCluster(t, 2, fesim.Options{}, fesim.BEOptions{})
	fe := follower(t, c)
	t.Run("L30 begin, load, prepare, commit; idempotent", func(t *testing.T) {
		txn(t, fe, "begin", "t1", "").want(t, "Status", "OK")
		txn(t, fe, "load", "t1", "1\n").want(t, "Status", "OK")
		txn(t, fe, "load", "t1", "2\n").want(t, "Status", "OK")
		a := txn(t, fe, "prepare", "t1", "")
		a.want(t, "Status", "OK")
		a.want(t, "NumberLoadedRows", 2.0)
		if s := state(t, fe, "t1"); s != "PREPARED" || c.Loaded("test", "t").Rows != 0 {
			t.Error(s)
		}
		txn(t, fe, "commit", "t1", "").want(t, "Status", "OK")
		txn(t, fe, "commit", "t1", "").has(t, "has already committed")
		txn(t, fe, "rollback", "t1", "").has(t, "Can not abort VISIBLE transaction")
		if c.Loaded("test", "t").Rows != 2 {
			t.Error(c.Loaded("test", "t").Rows)
		}
		a = txn(t, fe, "begin", "t1", "")
		a.want(t, "Status", "LABEL_ALREADY_EXISTS")
		a.want(t, "ExistingJobStatus", "FINISHED")
	})
	t.Run("L31 a begin once more goes to the same BE, which knows the label", func(t *testing.T) {
		txn(t, fe, "begin", "t2", "").want(t, "Status", "OK")
		for range 4 {
			txn(t, fe, "begin", "t2", "").want(t, "Status", "LABEL_ALREADY_EXISTS")
		}
		txn(t, fe, "commit", "t2", "").has(t, "hasn't send any data yet") // and it is rolled back
		txn(t, fe, "commit", "t2", "").has(t, "Can not commit ABORTED transaction")
		txn(t, fe, "rollback", "t2", "").has(t, "has already aborted")
	})
	t.Run("L32 rollback", func(t *testing.T) {
		txn(t, fe, "begin", "t3", "").want(t, "Status", "OK")
		txn(t, fe, "load", "t3", "3\n").want(t, "Status", "OK")
		txn(t, fe, "rollback", "t3", "").want(t, "Status", "OK")
		if s := state(t, fe, "t3"); s != "ABORTED" {
			t.Error(s)
		}
		txn(t, fe, "begin", "t3", "").want(t, "Status", "OK") // the label is free
		txn(t, fe, "rollback", "t3", "").want(t, "Status", "OK")
	})
	t.Run("L33 half a body stays in the transaction", func(t *testing.T) {
		txn(t, fe, "begin", "t4", "").want(t, "Status", "OK")
		for _, b := range c.BEs() {
			b.InjectLoad(fesim.LoadFault{Op: fesim.OpTxnLoad, Step: fesim.AtBytes, Bytes: 6, Do: fesim.HarmCut})
		}
		if a := txn(t, fe, "load", "t4", "40\n41\n42\n"); a.err == nil {
			t.Error(a)
		}
		for _, b := range c.BEs() {
			b.ClearLoadFaults()
		}
		txn(t, fe, "load", "t4", "40\n41\n42\n").want(t, "Status", "OK")
		txn(t, fe, "commit", "t4", "").want(t, "Status", "OK")
		if l := c.Loaded("test", "t"); !slices.Equal(l.Twice(), []string{"40", "41"}) || l.Times("42") != 1 {
			t.Error(l.Twice())
		}
	})
	t.Run("L34 one request of a transaction at a time", func(t *testing.T) {
		txn(t, fe, "begin", "t5", "").want(t, "Status", "OK")
		hit := make(chan struct{}, 2)
		for _, b := range c.BEs() {
			b.InjectLoad(fesim.LoadFault{Op: fesim.OpTxnLoad, Step: fesim.AtBegun, Do: fesim.HarmHang, Hit: func() { hit <- struct{}{} }})
		}
		done := make(chan struct{})
		go func() { defer close(done); txn(t, fe, "load", "t5", "5\n") }()
		<-hit
		txn(t, fe, "commit", "t5", "").want(t, "Status", "TXN_IN_PROCESSING")
		for _, b := range c.BEs() {
			b.ClearLoadFaults()
		}
		<-done
		txn(t, fe, "commit", "t5", "").want(t, "Status", "OK")
	})
	t.Run("L35 the leader goes: PREPARE is lost, PREPARED is not, and needs no BE", func(t *testing.T) {
		c := loadCluster(t, 2, fesim.Options{}, fesim.BEOptions{})
		for _, label := range []string{"lost", "kept"} {
			txn(t, c.Leader(), "begin", label, "").want(t, "Status", "OK")
			txn(t, c.Leader(), "load", label, "1\n").want(t, "Status", "OK")
		}
		txn(t, c.Leader(), "prepare", "kept", "").want(t, "Status", "OK")
		for _, b := range c.BEs() {
			if b.Name() == c.LoadLabel("test", "kept").Node {
				b.Stop(false)
			}
		}
		c.Leader().Kill()
		eventually(t, func() bool { return c.Leader() != nil })
		txn(t, c.Leader(), "commit", "kept", "").want(t, "Status", "OK")
		txn(t, c.Leader(), "commit", "lost", "").has(t, "No transaction found by label lost")
		txn(t, c.Leader(), "load", "lost", "1\n").has(t, "FE leader is started or switched")
		if n := c.Loaded("test", "t").Rows; n != 1 {
			t.Error(n)
		}
	})
	t.Run("L36 several statements", func(t *testing.T) {
		multi := []string{"transaction_type", "multi"}
		txn(t, fe, "begin", "m", "", multi...).want(t, "Status", "OK")
		txn(t, fe, "load", "m", "71\n", multi...).want(t, "Status", "OK")
		txn(t, fe, "load", "m", "72\n", append(multi, "table", "t2")...).want(t, "Status", "OK")
		txn(t, fe, "prepare", "m", "", multi...).has(t, "Unsupported operation")
		txn(t, fe, "commit", "m", "", multi...).want(t, "Status", "OK")
		if c.Loaded("test", "t").Times("71") != 1 || c.Loaded("test", "t2").Times("72") != 1 {
			t.Error("not loaded")
		}
	})
	t.Run("L37 timeouts", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{LoadTimeScale: 0.01}, fesim.BEOptions{})
		txn(t, c.Leader(), "begin", "late", "", "timeout", "1").want(t, "Status", "OK")
		eventually(t, func() bool { return state(t, c.Leader(), "late") == "ABORTED" })
	})
}

// L38: merge commit.
func TestLoadRuleOfMergeCommit(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	h := csv("mine", "enable_merge_commit", "true", "merge_commit_interval_ms", "20", "merge_commit_parallel", "1")
	answers := make(chan answer, 2)
	for _, row := range []string{"1\n", "2\n"} {
		go func() { answers <- put(t, follower(t, c), path, h, row) }()
	}
	for range 2 {
		a := <-answers
		a.want(t, "Status", "Success")
		a.want(t, "RequestId", "mine")
		if label, _ := a.body["Label"].(string); !strings.HasPrefix(label, "merge_commit_") {
			t.Error(a)
		}
	}
	if l := c.Loaded("test", "t"); l.Rows != 2 || l.Distinct() != 2 {
		t.Errorf("%+v", l)
	}
	if s := state(t, c.FEs()[0], "mine"); s != "UNKNOWN" { // a client's label is none
		t.Error(s)
	}
	put(t, c.Leader(), path, csv("", "enable_merge_commit", "true"), "1\n").has(t, "INVALID_ARGUMENT")
}

// L39 to L41: Doris.
func TestLoadRulesOfDoris(t *testing.T) {
	c := loadCluster(t, 2, fesim.Options{Flavor: backend.Doris, LocationCredentials: true}, fesim.BEOptions{})
	fe := c.FEs()[1]
	at := "http://" + fe.HTTPAddress()
	t.Run("L39 credentials in the Location", func(t *testing.T) {
		a := send(t, http.MethodPut, at+path, nil, strings.NewReader("1\n"))
		if u, _ := url.Parse(a.header.Get("Location")); u.User.String() != "root:" {
			t.Error(a.header)
		}
		send(t, http.MethodPut, at+path, map[string]string{"Expect": ""}, strings.NewReader("1\n")).want(t, "status", "FAILED")
	})
	t.Run("L40 two phases, at any BE", func(t *testing.T) {
		a := put(t, fe, path, csv("two", "two_phase_commit", "true"), "1\n")
		a.want(t, "Status", "Success")
		a.want(t, "TwoPhaseCommit", "true")
		b := send(t, http.MethodGet, "http://"+c.Leader().HTTPAddress()+"/api/test/get_load_state?label=two", nil, nil)
		b.want(t, "data", "PRECOMMITTED")
		id := fmt.Sprintf("%.0f", a.body["TxnId"])
		for _, be := range c.BEs() { // the second finds it done
			u := "http://" + be.HTTPAddress() + "/api/test/t/_stream_load_2pc"
			a = send(t, http.MethodPut, u, map[string]string{"txn_id": id, "txn_operation": "commit"}, nil)
			if be == c.BEs()[0] {
				a.want(t, "status", "Success")
			} else {
				a.has(t, "is already visible, not pre-committed")
			}
		}
		put(t, fe, path, csv("three", "two_phase_commit", "true"), "2\n").want(t, "Status", "Success")
		a = send(t, http.MethodPut, at+"/api/test/_stream_load_2pc", map[string]string{"label": "three", "txn_operation": "abort"}, nil)
		a = send(t, http.MethodPut, a.header.Get("Location"), map[string]string{"label": "three", "txn_operation": "abort"}, nil)
		a.want(t, "status", "Success")
		if l := c.Loaded("test", "t"); l.Rows != 1 || l.Times("1") != 1 {
			t.Errorf("%+v", l)
		}
	})
	t.Run("L41 group commit has no label", func(t *testing.T) {
		a := put(t, fe, path, csv("", "group_commit", "sync_mode"), "10\n")
		a.want(t, "Status", "Success")
		a.want(t, "GroupCommit", true)
		put(t, fe, path, csv("mine", "group_commit", "sync_mode"), "10\n").has(t, "label and group_commit can't be set at the same time")
		put(t, fe, "/api/_http_stream", csv("http", "sql", "insert into test.h select c1 from http_stream('format'='csv')"), "20\n").want(t, "Status", "Success")
		if c.Loaded("test", "h").Times("20") != 1 {
			t.Error("not loaded")
		}
	})
}

// L42: what was loaded is seen by SELECT.
func TestLoadedRowsAreSelected(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	s := open(t, c.FEs()[0], "root:")
	if _, err := s.ExecContext(t.Context(), "CREATE TABLE test.made (id BIGINT, name VARCHAR(10)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)"); err != nil {
		t.Fatal(err)
	}
	put(t, c.FEs()[0], "/api/test/made/_stream_load", csv("a"), "1,a\n2,b\n").want(t, "Status", "Success")
	put(t, c.FEs()[0], "/api/test/made/_stream_load", csv("b", "format", "json"), `{"id":3,"name":"c"}`).want(t, "Status", "Success")
	put(t, c.FEs()[0], "/api/test/made/_stream_load", csv("c"), "4\n").has(t, "too many filtered rows")
	if got := ask(t, s, "SELECT COUNT(*) FROM test.made"); got != "3" {
		t.Error(got)
	}
	if got := ask(t, s, "SELECT name FROM test.made WHERE id = 3"); got != "c" {
		t.Error(got)
	}
	if got := ask(t, s, "SELECT COUNT(*) FROM fesim.loads_1"); got != "0" {
		t.Error(got)
	}
	put(t, c.FEs()[0], "/api/fesim/loads_1/_stream_load", csv("d"), "1\n1\nx\n").want(t, "Status", "Success")
	if got := ask(t, s, "SELECT COUNT(*) FROM fesim.loads_1 WHERE id = '1'"); got != "2" {
		t.Error(got)
	}
}

// L43: discarding and throttling.
func TestLoadsDiscardedAndThrottled(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{Discard: true, LoadRate: 10 << 20})
	began := time.Now()
	a := put(t, c.FEs()[0], path, csv("big"), strings.Repeat("x", 2<<20))
	a.want(t, "Status", "Success")
	a.want(t, "LoadBytes", float64(2<<20))
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Error(took)
	}
	if l := c.Loaded("test", "t"); l.Rows != 0 || l.Bytes != 2<<20 {
		t.Errorf("%+v", l)
	}
}

// L44: nodes have other names where they are.
func TestLoadRuleOfAdvertisedAddresses(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{Advertised: "fe-x.internal:8030"}, fesim.BEOptions{Advertised: "be-0.internal:8040"})
	if a := send(t, http.MethodPut, "http://"+follower(t, c).HTTPAddress()+path, nil, strings.NewReader("1\n")); a.header.Get("Location") != "http://be-0.internal:8040"+path {
		t.Error(a.header)
	}
	if a := send(t, http.MethodPost, "http://"+follower(t, c).HTTPAddress()+"/api/transaction/begin", nil, nil); a.header.Get("Location") != "http://fe-x.internal:8030/api/transaction/begin" {
		t.Error(a.header)
	}
	a := send(t, http.MethodPut, "http://"+c.BEs()[0].HTTPAddress()+path, csv("x", "columns", "a,b"), strings.NewReader("1\n"))
	a.has(t, "http://be-0.internal:8040/api/_load_error_log?file=")
	rows := rowsOf(t, open(t, c.FEs()[0], "root:"), "SHOW BACKENDS")
	if rows[0]["IP"] != "be-0.internal" || rows[0]["HttpPort"] != "8040" {
		t.Error(rows[0])
	}
}

// L45: _cancel.
func TestLoadRuleOfCancel(t *testing.T) {
	for _, flavor := range []backend.Flavor{backend.StarRocks, backend.Doris} {
		c := loadCluster(t, 1, fesim.Options{Flavor: flavor}, fesim.BEOptions{})
		fe := follower(t, c)
		cancel := func(label string) answer {
			u := "/api/test/" + label + "/_cancel"
			if flavor == backend.Doris {
				u = "/api/test/_cancel?label=" + label
			}
			a := send(t, http.MethodPost, "http://"+fe.HTTPAddress()+u, nil, nil)
			if a.status != http.StatusTemporaryRedirect {
				t.Error(a)
			}
			return send(t, http.MethodPost, a.header.Get("Location"), nil, nil)
		}
		cancel("nobody").has(t, "transaction not found, label=nobody")
		put(t, fe, path, csv("done"), "1\n").want(t, "Status", "Success")
		cancel("done").has(t, "running transaction not found, label=done")
		body, w := io.Pipe()
		sent := make(chan answer, 1)
		go func() {
			sent <- sendTo(context.Background(), http.MethodPut, "http://"+c.BEs()[0].HTTPAddress()+path, csv("mine"), body)
		}()
		fmt.Fprint(w, "2\n")
		if a := cancel("mine"); a.body["status"] != "OK" && a.body["msg"] != "success" {
			t.Error(a)
		}
		w.Close()
		(<-sent).want(t, "Status", "Fail")
		if l := c.LoadLabel("test", "mine"); l.State != fesim.LoadAborted || l.Reason != "user cancel" || c.Loaded("test", "t").Rows != 1 {
			t.Errorf("%+v", l)
		}
	}
}

func TestLoadRuleOfPOST(t *testing.T) { // L46
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	conn, err := net.Dial("tcp", follower(t, c).HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wait))
	fmt.Fprint(conn, "POST /api/transaction/load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	fmt.Fprint(conn, "abc")
	all, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(all), "HTTP/1.1 307 ") || !strings.Contains(string(all), "Location: http://"+c.Leader().HTTPAddress()+"/api/transaction/load\r\n") {
		t.Errorf("%q", all)
	}
}

func TestLoadRuleOfSeveralStatements(t *testing.T) { // L47
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	multi := []string{"transaction_type", "multi"}
	txn(t, c.Leader(), "begin", "m", "", multi...).want(t, "Status", "OK")
	again := txn(t, c.Leader(), "begin", "m", "", multi...)
	again.want(t, "Status", "LABEL_ALREADY_EXISTS")
	again.want(t, "ExistingJobStatus", "BEGIN")
	txn(t, c.Leader(), "load", "m", "1\n", multi...).want(t, "Status", "OK")
	if s := state(t, c.Leader(), "m"); s != "UNKNOWN" {
		t.Error(s)
	}
	send(t, http.MethodPost, "http://"+c.Leader().HTTPAddress()+"/api/test/m/_cancel", nil, nil).has(t, "transaction not found, label=m")
	txn(t, c.Leader(), "commit", "m", "", multi...).want(t, "Status", "OK")
	txn(t, c.Leader(), "begin", "m", "", multi...).want(t, "ExistingJobStatus", "COMMITED") //nolint:misspell // as FEs write it
	if s := state(t, c.Leader(), "m"); s != "VISIBLE" || c.Loaded("test", "t").Rows != 1 {
		t.Error(s)
	}
}

func TestLoadRulesOfDorisThatLose(t *testing.T) {
	t.Run("L48 what is in the group is committed", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Flavor: backend.Doris, GroupCommitRows: 2}, fesim.BEOptions{})
		for bytes, rows := range map[int64]int64{5: 0, 9: 4} {
			c.BEs()[0].InjectLoad(fesim.LoadFault{Step: fesim.AtBytes, Bytes: bytes, Do: fesim.HarmCut})
			before := c.Loaded("test", "t").Rows
			if a := put(t, c.FEs()[0], path, csv("", "group_commit", "async_mode"), "1\n2\n3\n4\n5\n6\n"); a.err == nil {
				t.Error(a)
			}
			eventually(t, func() bool { return c.Loaded("test", "t").Rows-before == rows && c.BEs()[0].Loads() == 0 })
		}
	})
	t.Run("L49 chunked loads lose their labels", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Flavor: backend.Doris, DropChunkedLabels: true}, fesim.BEOptions{})
		at := "http://" + c.BEs()[0].HTTPAddress() + path
		chunked := func(body string) io.Reader { return struct{ io.Reader }{strings.NewReader(body)} }
		a := send(t, http.MethodPut, at, csv("mine"), chunked("1\n"))
		a.want(t, "Status", "Success")
		if a.body["Label"] == "mine" || c.LoadLabel("test", "mine").State != fesim.LoadUnknown {
			t.Error(a)
		}
		send(t, http.MethodPut, at, csv("mine", "group_commit", "off_mode"), chunked("2\n")).want(t, "Label", "mine")
	})
	t.Run("L50 cloud", func(t *testing.T) {
		c := loadCluster(t, 1, fesim.Options{Flavor: backend.Doris, Cloud: true}, fesim.BEOptions{})
		body, w := io.Pipe()
		sent := make(chan answer, 1)
		go func() {
			sent <- sendTo(context.Background(), http.MethodPut, "http://"+c.BEs()[0].HTTPAddress()+path, csv("kept"), body)
		}()
		fmt.Fprint(w, "1\n")
		c.Leader().Kill()
		eventually(t, func() bool { return c.Leader() != nil })
		w.Close()
		(<-sent).want(t, "Status", "Success")
		send(t, http.MethodGet, "http://"+c.Leader().HTTPAddress()+"/api/test/get_load_state?label=nobody", nil, nil).want(t, "msg", "Error")
	})
}

func TestLoadRuleOfALeaderThatIsCutOff(t *testing.T) { // L51
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	old := c.Leader()
	put(t, old, path, csv("before"), "1\n").want(t, "Status", "Success")
	old.CutOff()
	eventually(t, func() bool { return c.Leader() != nil })
	if c.Leader() == old {
		t.Fatal("it leads")
	}
	put(t, c.Leader(), path, csv("after"), "2\n").want(t, "Status", "Success")
	for label, want := range map[string]string{"before": "VISIBLE", "after": "UNKNOWN"} {
		if s := state(t, old, label); s != want {
			t.Error(label, s)
		}
	}
	if s := state(t, c.Leader(), "after"); s != "VISIBLE" {
		t.Error(s)
	}
	if a := send(t, http.MethodPost, "http://"+old.HTTPAddress()+"/api/test/after/_cancel", nil, nil); a.err == nil {
		t.Error(a)
	}
	<-old.Exited()
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	if s := state(t, old, "after"); s != "VISIBLE" {
		t.Error(s)
	}
}
