package fesim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// loadResult is what the answer to a load says (StreamLoadContext.to_json).
type loadResult struct {
	txn     int64
	label   string
	err     error // nil: Success
	rows    int64 // all of the body
	bad     int64
	bytes   int64
	errURL  string
	began   time.Time
	publish bool // PUBLISH_TIMEOUT
}

func (r *loadResult) json() []byte {
	m := map[string]any{
		"TxnId": r.txn, "Label": r.label, "Status": "Success", "Message": "OK", "NumberTotalRows": r.rows, "NumberLoadedRows": r.rows - r.bad, "NumberFilteredRows": r.bad,
		"NumberUnselectedRows": 0, "LoadBytes": r.bytes, "LoadTimeMs": time.Since(r.began).Milliseconds(), "BeginTxnTimeMs": 0, "StreamLoadPlanTimeMs": 0, "ReadDataTimeMs": 0,
		"WriteDataTimeMs": 0, "CommitAndPublishTimeMs": 0,
	}
	var f *loadFailure
	switch {
	case r.err == nil:
	case errors.As(r.err, &f) && f.code == "LABEL_ALREADY_EXISTS":
		m["Status"], m["Message"], m["ExistingJobStatus"] = "Label Already Exists", f.message, f.job
	case errors.As(r.err, &f) && f.code == "PUBLISH_TIMEOUT":
		m["Status"], m["Message"] = "Publish Timeout", f.message
	default:
		m["Status"], m["Message"] = "Fail", r.err.Error()
	}
	if r.errURL != "" {
		m["ErrorURL"] = r.errURL
	}
	return marshal(m)
}

// serveLoads is what a BE serves under /api/ that concerns loads.
func (l *beLife) serveLoads(w http.ResponseWriter, r *http.Request) {
	if !l.enter() {
		panic(http.ErrAbortHandler)
	}
	defer l.exit()
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	x := &loadCall{w: w, r: r, label: r.Header.Get("label"), faults: &l.be.faults, ctx: l.ctx, die: func() { l.die(exitKilled) }}
	switch {
	case len(parts) == 3 && parts[2] == "_stream_load" && r.Method == http.MethodPut:
		x.op = OpLoad
		l.streamLoad(x, parts[0], parts[1])
	default:
		http.NotFound(w, r)
	}
}

// enter counts a request of a load; false if the BE is dead.
func (l *beLife) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false
	}
	l.wg.Add(1) // the server's own goroutine is in it, too, so the count is not zero
	l.loads++
	return true
}

func (l *beLife) exit() {
	l.mu.Lock()
	l.loads--
	l.mu.Unlock()
	l.wg.Done()
}

// refuses reports whether the BE takes no new load: it is exiting (process_exit_in_progress).
func (l *beLife) refuses() bool {
	select {
	case <-l.leaving:
		return true
	default:
		return false
	}
}

// streamLoad is StreamLoadAction: on_header, then the body, then handle.
func (l *beLife) streamLoad(x *loadCall, db, table string) {
	res := &loadResult{txn: -1, label: x.label, began: time.Now()}
	if res.label == "" {
		res.label = l.be.newLabel()
	}
	x.at(AtArrival)
	t, err := l.beginLoad(x, db, table, res)
	if err != nil {
		res.err = err
		x.w.Header().Set("Connection", "close")
		x.answer(http.StatusOK, res.json())
		return
	}
	res.txn = t.id
	committed := false
	defer func() {
		if !committed { // ~StreamLoadContext, or handle: also when the client has gone
			_ = l.rollbackLoad(t, "Cancelled")
		}
	}()
	x.at(AtBegun)
	batch, err := l.receive(x, db+"."+table)
	if err != nil {
		if !errors.As(err, new(*loadFailure)) {
			panic(http.ErrAbortHandler) // the client has gone
		}
		res.err = err
	}
	res.rows, res.bad, res.bytes = batch.rows+batch.filtered, batch.filtered, batch.bytes
	if res.err == nil {
		x.at(AtBody)
		if res.err = l.commitLoad(t, batch); res.err == nil {
			committed = true
		}
	}
	if !committed {
		_ = l.rollbackLoad(t, res.err.Error())
		committed = true // over, in any case
	}
	x.answer(http.StatusOK, res.json())
}

// newLabel is generate_uuid_string.
func (b *BE) newLabel() string {
	c := b.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", c.rand.Uint32(), c.rand.IntN(1<<16), c.rand.IntN(1<<16), c.rand.IntN(1<<16), c.rand.Int64N(1<<48))
}

// beginLoad is on_header: nothing of the body is asked for before the transaction has begun at the leader.
func (l *beLife) beginLoad(x *loadCall, db, table string, res *loadResult) (*loadTxn, error) {
	if _, _, ok := x.r.BasicAuth(); !ok {
		return nil, failure("INTERNAL_ERROR", "no valid Basic authorization")
	}
	if l.refuses() {
		return nil, failure("SERVICE_UNAVAILABLE", "Service is shutting down, please retry later!")
	}
	c := l.be.cluster
	t := &loadTxn{db: db, table: table, label: res.label, request: l.be.newLabel(), coordinator: l.be, timeout: c.scaled(600 * time.Second)}
	if s, ok := seconds(x.r.Header.Get("timeout")); ok {
		t.timeout = c.scaled(s)
	}
	err := c.rpc(l, OpRPCBegin, t.label, func(loads *labels, now time.Time) error {
		if f := c.knows(x.r, db); f != nil {
			return f
		}
		var err error
		t, err = loads.begin(t, now)
		return err
	})
	return t, err
}

// knows checks user and database, as the leader does for a BE. It needs c.mu.
func (c *Cluster) knows(r *http.Request, db string) error {
	if _, ok := c.leader.authorized(r); !ok {
		user, _, _ := r.BasicAuth()
		return failure("NOT_AUTHORIZED", "Access denied for %s@%s", user, "127.0.0.1")
	}
	if !exists(c.leader, c.journal.changes, db, "") {
		return failure("ANALYSIS_ERROR", "unknown database, database=%s", db)
	}
	return nil
}

// commitLoad is commit_txn: an RPC that got no answer is tried once more.
func (l *beLife) commitLoad(t *loadTxn, batch *loadBatch) error {
	c := l.be.cluster
	commit := func() error {
		return c.rpc(l, OpRPCCommit, t.label, func(loads *labels, now time.Time) error {
			known, err := loads.txn(t.id, now)
			if err != nil {
				return err
			}
			if known.state == LoadPrepare {
				known.batches = []*loadBatch{batch}
			}
			return loads.commit(known, now, c.publish)
		})
	}
	err := commit()
	if errors.Is(err, errRPC) {
		err = commit()
	}
	if errors.Is(err, errRPC) {
		return failure("SERVICE_UNAVAILABLE", "Commit transaction fail cause %s, Transaction status unknown, you can retry with same label.", err)
	}
	return err
}

// rollbackLoad is rollback_txn.
func (l *beLife) rollbackLoad(t *loadTxn, reason string) error {
	return l.be.cluster.rpc(l, OpRPCRollback, t.label, func(loads *labels, now time.Time) error {
		known, err := loads.txn(t.id, now)
		if err != nil {
			return err
		}
		return loads.rollback(known, reason, now)
	})
}

