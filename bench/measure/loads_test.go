package measure

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/backend/fesim"
	"segue/bench"
)

// loading starts an FE and a BE, with a load for them that is over quickly.
func loading(t *testing.T, o fesim.Options) (*fesim.BE, Options) {
	t.Helper()
	o.Election = time.Millisecond
	c, err := fesim.NewCluster(1, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	be, err := c.AddBE(fesim.BEOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	fe := c.FEs()[0]
	cfg, err := ParseDSN("root@tcp(" + fe.MySQLAddress() + ")/test")
	if err != nil {
		t.Fatal(err)
	}
	l := DefaultLoad()
	l.Clients = [numClasses]int{Loads: 4, Short: 1}
	l.Stream = Stream{Every: 20 * time.Millisecond, Rows: 10, Size: 4096, Timeout: 30 * time.Second}
	address := strings.TrimPrefix(strings.TrimSuffix(fe.HealthURL(), "/api/health"), "http://")
	for until := time.Now().Add(30 * time.Second); ; bench.Pause(t.Context(), 10*time.Millisecond) { // until the FE knows of the BE
		if status, err := loadOnce(t, address); err == nil && status == "Success" {
			break
		} else if time.Now().After(until) {
			t.Fatalf("no load is taken: %s, %v", status, err)
		}
	}
	return be, Options{Endpoint: cfg, Load: l, LoadAddress: address, lookAgain: 10 * time.Millisecond}
}

func loadOnce(t *testing.T, address string) (string, error) {
	t.Helper()
	s := Stream{Rows: 1, Size: 10}
	l := &loader{shared: &shared{load: &Load{Stream: s}}, address: address, path: "/api/fesim/loads_before/_stream_load", user: "root"}
	l.client.Timeout = 30 * time.Second
	a, err := l.client.Put(t.Context(), l.request(t.Context(), "before"))
	if err != nil {
		return "", err
	}
	if a.Status == "Label Already Exists" {
		return "Success", nil
	}
	return a.Status, nil
}

// With what a healthy cluster takes, every row is there, however it is sent.
func TestLoadsOfAHealthyCluster(t *testing.T) {
	for name, change := range map[string]func(*Stream){
		"as it comes":     func(*Stream) {},
		"without a label": func(s *Stream) { s.NoLabel = true },
		"in chunks":       func(s *Stream) { s.Chunked = true },
		"slowly":          func(s *Stream) { s.For = 50 * time.Millisecond },
	} {
		_, o := loading(t, fesim.Options{})
		change(&o.Load.Stream)
		var answers atomic.Int64
		o.Interval, o.Progress = 10*time.Millisecond, func(p Progress) { answers.Store(int64(p.Answers)) }
		o.Script = func(context.Context, func(string)) error {
			await(t, "loads", func() bool { return answers.Load() >= 30 })
			return nil
		}
		r, err := Run(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v := r.Loaded
		if !r.Clean() || v == nil || v.Loads == 0 || v.LoadsDone != v.Loads || v.Found != v.Sent || v.Sent != 10*v.Loads {
			t.Errorf("%s: %+v, faults %+v, problems %q", name, v, r.Faults, r.Problems)
		}
		if r.Load.Stream == nil || r.Load.Stream.Address != o.LoadAddress {
			t.Errorf("%s: %+v", name, r.Load.Stream)
		}
		i := slices.IndexFunc(r.Classes, func(c ClassRow) bool { return c.Class == Loads.String() })
		if i < 0 || r.Classes[i].Answers != v.Loads {
			t.Errorf("%s: %+v", name, r.Classes)
		}
	}
}

// A BE that is killed: loads fail, each told by how far it had come, and those that are sent again
// under their label are there once.
func TestLoadsOverAKill(t *testing.T) {
	for _, retry := range []int{0, 60} {
		be, o := loading(t, fesim.Options{Heartbeat: 20 * time.Millisecond, HeartbeatRetries: 1}) // it is soon known to be dead, and what it had begun is aborted
		o.Load.Stream.Retry, o.Load.Stream.For = retry, 40*time.Millisecond
		var answers, failed atomic.Int64
		o.Interval, o.Progress = 10*time.Millisecond, func(p Progress) { answers.Store(int64(p.Answers)); failed.Store(int64(p.Errors)) }
		o.Script = func(_ context.Context, mark func(string)) error {
			await(t, "loads", func() bool { return answers.Load() >= 10 })
			mark("killed")
			be.Stop(false)
			<-be.Exited()
			untilDead(t, o.Endpoint)
			await(t, "errors", func() bool { return failed.Load() >= 4 })
			err := be.Start()
			mark("started")
			before := answers.Load()
			await(t, "loads again", func() bool { return answers.Load() >= before+10 })
			return err
		}
		r, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		v := r.Loaded
		if v == nil || r.Felt.Errors == 0 || v.Faults() != 0 || v.LoadsDone == 0 {
			t.Fatalf("retry %d: %+v, %+v, problems %q", retry, v, r.Faults, r.Problems)
		}
		if retry > 0 && v.LoadsDone != v.Loads || retry == 0 && v.LoadsDone == v.Loads {
			t.Errorf("retry %d: %+v, %+v", retry, v, r.Faults)
		}
		for _, f := range r.Faults {
			if !strings.HasPrefix(f.Doing, "load: ") || f.Class != "stream load" {
				t.Errorf("retry %d: %+v", retry, f)
			}
		}
		if part := slices.Index(r.Timeline.Parts, LoadPart.String()); part < 0 || !slices.ContainsFunc(r.Timeline.Buckets, func(b Bucket) bool { return b.Errors[part] > 0 }) {
			t.Errorf("retry %d: no errors of loads over time", retry)
		}
	}
}

// untilDead waits until the FE counts its BE as dead.
func untilDead(t *testing.T, endpoint *mysql.Config) {
	t.Helper()
	db, err := openDB(endpoint, 30*time.Second)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	await(t, "Alive: false", func() bool { alive, err := aliveIn(db); return err == nil && alive == "false" })
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); !holds(); bench.Pause(t.Context(), 10*time.Millisecond) {
		if time.Now().After(until) {
			t.Errorf("there are no %s", what)
			return
		}
	}
}

// aliveIn is what SHOW BACKENDS says of the first BE.
func aliveIn(db *sql.DB) (string, error) {
	rows, err := db.Query("SHOW BACKENDS")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		return "", errors.Join(err, rows.Err())
	}
	texts, places := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range texts {
		places[i] = &texts[i]
	}
	err = rows.Scan(places...)
	return texts[slices.Index(names, "Alive")].String, err
}

// Who has no Stream Load is told so before anything is measured.
func TestLoadsNeedSomebodyWhoTakesThem(t *testing.T) {
	_, o := loading(t, fesim.Options{})
	o.Flavor = MySQL
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has no Stream Load; say --loads 0") {
		t.Errorf("%v", err)
	}
	o.Flavor, o.LoadAddress = "", "nowhere"
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--load-address nowhere: want HOST:PORT") {
		t.Errorf("%v", err)
	}
}
