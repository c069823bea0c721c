package fesim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"segue/backend"
)

// loadResult is what the answer to a load says (StreamLoadContext.to_json).
type loadResult struct {
	txn    int64
	label  string
	err    error // nil: Success
	rows   int64 // all of the body
	bad    int64
	bytes  int64
	errURL string
	began  time.Time
	more   map[string]any // what a flavor or a way of loading adds
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
	maps.Copy(m, r.more)
	return marshal(m)
}

// serveLoads is what a BE serves under /api/ that concerns loads.
func (l *beLife) serveLoads(w http.ResponseWriter, r *http.Request) {
	if !l.enter() {
		panic(http.ErrAbortHandler)
	}
	defer l.exit()
	x := &loadCall{w: w, r: r, label: r.Header.Get("label"), faults: &l.be.faults, ctx: l.ctx, die: func() { l.die(exitKilled) }}
	parts := x.parts()
	if len(parts) == 0 {
		http.NotFound(w, r)
		return
	}
	doris := l.be.cluster.flavor == backend.Doris
	last := parts[len(parts)-1]
	put := r.Method == http.MethodPut
	switch {
	case len(parts) == 3 && (last == "_stream_load" || last == "_load" && doris) && put:
		x.op = OpLoad
		l.load(x, parts[0], parts[1])
	case len(parts) == 1 && last == "_http_stream" && put && doris:
		x.op = OpLoad
		l.httpStream(x)
	case len(parts) == 2 && parts[0] == "transaction" && (put || r.Method == http.MethodPost) && !doris:
		x.op = txnOps[parts[1]]
		l.transaction(x, parts[1])
	case (len(parts) == 2 || len(parts) == 3) && last == "_stream_load_2pc" && put && doris:
		x.op = Op2PC
		l.twoPhase(x, parts[0])
	case len(parts) == 1 && last == "_load_error_log" && r.Method == http.MethodGet:
		l.errorLog(w, r)
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

// loadFragments counts what a BE that exits waits for: loads, and transactions that have brought data.
func (l *beLife) loadFragments() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.loads
	for _, t := range l.contexts {
		if t.sent {
			n++
		}
	}
	return n
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

// load is a load in one of its ways.
func (l *beLife) load(x *loadCall, db, table string) {
	header := x.r.Header.Get
	doris := l.be.cluster.flavor == backend.Doris
	res := &loadResult{txn: -1, label: x.label, began: time.Now()}
	if res.label == "" {
		res.label = l.be.newLabel()
	}
	if doris && l.be.cluster.dropsLabels && x.r.ContentLength < 0 && !strings.EqualFold(header("group_commit"), "off_mode") {
		res.label = l.be.newLabel() // _can_group_commit of 4.x, before it looks at the header
	}
	x.at(AtArrival)
	switch {
	case strings.EqualFold(header("enable_merge_commit"), "true") && !doris:
		l.mergeCommit(x, db, table, res)
	case doris && groupCommits(header):
		l.groupCommit(x, db, table, res)
	default:
		l.streamLoad(x, db, table, res, doris && header("two_phase_commit") == "true")
	}
}

// refuse answers a request whose body nobody reads.
func (x *loadCall) refuse(answer []byte) {
	x.w.Header().Set("Connection", "close")
	x.answer(http.StatusOK, answer)
}

// streamLoad is StreamLoadAction: on_header, then the body, then handle.
func (l *beLife) streamLoad(x *loadCall, db, table string, res *loadResult, twoPhases bool) {
	reader, err := newRowReader(x.r.Header.Get, l.be, db+"."+table)
	var t *loadTxn
	if err == nil {
		t, err = l.beginLoad(x, db, table, res.label)
	}
	if err != nil {
		res.err = err
		x.refuse(res.json())
		return
	}
	res.txn = t.id
	needsRollback := true
	defer func() {
		if needsRollback { // ~StreamLoadContext: the client has gone
			_ = l.rollbackLoad(t, "Cancelled")
		}
	}()
	x.at(AtBegun)
	if err = l.receive(x, reader); err != nil {
		x.end(false) // the client has gone, or the BE
	}
	batch, err := reader.finish(x.r.Header.Get)
	res.rows, res.bad, res.bytes = batch.rows+batch.filtered, batch.filtered, batch.bytes
	res.errURL = l.keepErrors(t.id, batch)
	x.at(AtBody)
	switch {
	case err != nil:
	case twoPhases:
		err = l.prepareLoad(t, []*loadBatch{batch}, 0)
		res.more = map[string]any{"TwoPhaseCommit": "true"}
	default:
		err = l.commitLoad(t, []*loadBatch{batch})
	}
	res.err = err
	if err != nil && !isPublishTimeout(err) {
		_ = l.rollbackLoad(t, err.Error())
	}
	needsRollback = false
	x.answer(http.StatusOK, res.json())
}

func isPublishTimeout(err error) bool {
	var f *loadFailure
	return errors.As(err, &f) && f.code == "PUBLISH_TIMEOUT"
}

// newLabel is generate_uuid_string.
func (b *BE) newLabel() string {
	c := b.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", c.rand.Uint32(), c.rand.IntN(1<<16), c.rand.IntN(1<<16), c.rand.IntN(1<<16), c.rand.Int64N(1<<48))
}

// beginLoad is the end of on_header: nothing of the body is asked for before the transaction has begun at the leader.
func (l *beLife) beginLoad(x *loadCall, db, table, label string) (*loadTxn, error) {
	switch {
	case userOf(x.r) == "":
		return nil, failure("INTERNAL_ERROR", "no valid Basic authorization")
	case l.refuses() && (x.op != OpBegin || l.be.cluster.spares):
		return nil, failure("SERVICE_UNAVAILABLE", "Service is shutting down, please retry later!")
	}
	c := l.be.cluster
	t := &loadTxn{db: db, table: table, label: label, request: l.be.newLabel(), coordinator: l.be, timeout: c.loadTimeout(x.r)}
	if s, ok := seconds(x.r.Header.Get("prepared_timeout")); ok {
		t.prepTimeout = time.Duration(float64(s) * c.loadScale)
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
	switch {
	case !c.leader.authorized(r):
		return failure("NOT_AUTHORIZED", "Access denied for %s@127.0.0.1", userOf(r))
	case !exists(c.leader, c.journal.changes, db, ""):
		return failure("ANALYSIS_ERROR", "unknown database, database=%s", db)
	}
	return nil
}

// commitLoad is commit_txn: an RPC that got no answer is tried once more. The RPC lasts until the transaction is visible, the load's deadline at most
// (commitAndPublishTransaction): a leader that goes meanwhile has committed, and answers nothing.
func (l *beLife) commitLoad(t *loadTxn, batches []*loadBatch) error {
	var visible, deadline time.Time
	commit := func() error {
		_, changed := l.be.cluster.watch()
		err := l.be.cluster.rpc(l, OpRPCCommit, t.label, func(loads *labels, now time.Time) error {
			known, err := loads.txn(t.id, now)
			if err != nil {
				return err
			}
			if known.state == LoadPrepare {
				known.batches = batches
			}
			err = loads.commit(known, now, l.be.cluster.publish)
			visible, deadline = known.visible, known.began.Add(known.timeout)
			return err
		})
		if err != nil {
			return err
		}
		until := visible
		if deadline.Before(until) {
			until = deadline
		}
		return l.awaitAnswer(time.Until(until), changed)
	}
	err := commit()
	if errors.Is(err, errRPC) {
		err = commit()
	}
	switch {
	case errors.Is(err, errRPC):
		return failure("SERVICE_UNAVAILABLE", "Commit transaction fail cause %s, Transaction status unknown, you can retry with same label.", err)
	case err == nil && visible.After(deadline):
		return failure("PUBLISH_TIMEOUT", "Publish timeout. The data will be visible after a while")
	}
	return err
}

// awaitAnswer waits for the answer of an RPC; errRPC if the leader goes before, or the BE.
func (l *beLife) awaitAnswer(d time.Duration, changed <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-changed:
	case <-l.ctx.Done():
	}
	return errRPC
}

// sleep waits, or until the BE ends.
func (l *beLife) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// prepareLoad is prepare_txn, and pre_commit_txn of Doris.
func (l *beLife) prepareLoad(t *loadTxn, batches []*loadBatch, timeout time.Duration) error {
	return l.be.cluster.rpc(l, OpRPCPrepare, t.label, func(loads *labels, now time.Time) error {
		known, err := loads.txn(t.id, now)
		if err != nil {
			return err
		}
		return loads.prepare(known, batches, timeout, now)
	})
}

// rollbackLoad is rollback_txn.
func (l *beLife) rollbackLoad(t *loadTxn, reason string) error {
	return l.be.cluster.rpc(l, OpRPCRollback, t.label, func(loads *labels, now time.Time) error {
		known, err := loads.txn(t.id, now)
		if err != nil || known.state.final() {
			return nil // TXN_NOT_EXISTS is taken for OK; only those that run are looked for
		}
		return loads.rollback(known, reason, now)
	})
}

// keepErrors keeps what was filtered, and returns the URL at which it can be read; "" if nothing was.
func (l *beLife) keepErrors(txn int64, b *loadBatch) string {
	if len(b.errors) == 0 {
		return ""
	}
	name := fmt.Sprintf("error_log_%x_%x", txn, b.filtered)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errorLogs[name] = strings.Join(b.errors, "\n") + "\n"
	return "http://" + l.be.advertised() + "/api/_load_error_log?file=" + name
}

// errorLog is DownloadAction for the files of keepErrors.
func (l *beLife) errorLog(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	text, ok := l.errorLogs[r.URL.Query().Get("file")]
	l.mu.Unlock()
	if !ok {
		http.Error(w, "file not exist", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(text))
}
