package fesim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"segue/backend"
)

// labels are what the leader knows of loads, and what a spectator knows who remembers everything.
type labels struct {
	all    []*loadTxn
	byID   map[int64]*loadTxn  // not forgotten
	open   map[int64]*loadTxn  // … and not final
	byName map[string]*loadTxn // not forgotten, by database/label: the last one that is not aborted, or the last
	final  map[string][]*loadTxn
	tables map[string]*loadedTable
	lastID int64
	keep   time.Duration    // label_keep_max_second, scaled
	most   int              // label_keep_max_num
	store  func(*loadBatch) // puts rows into tables that were created
}

func newLoads(o *Options) labels {
	return labels{
		byID: make(map[int64]*loadTxn), open: make(map[int64]*loadTxn), byName: make(map[string]*loadTxn), final: make(map[string][]*loadTxn), tables: make(map[string]*loadedTable),
		lastID: 1000, keep: o.scaled(o.LabelKeep), most: o.LabelKeepMax,
	}
}

// loadTxn is a transaction (TransactionState). The cluster's mutex guards it.
type loadTxn struct {
	id          int64
	db, table   string
	label       string
	request     string // request_id of the BE that began it
	state       LoadState
	reason      string
	coordinator *BE // nil: an FE
	multi       bool
	timeout     time.Duration // scaled
	prepTimeout time.Duration // scaled; zero: timeout
	began       time.Time
	prepared    time.Time
	visible     time.Time // when it becomes visible, or has
	ended       time.Time // when it became final
	batches     []*loadBatch
	lives       []*beLife // of several statements: the BEs that have their data
	rows, bytes int64
	forgotten   bool
}

func (t *loadTxn) shown(now time.Time) LoadTxn {
	s := LoadTxn{ID: t.id, Database: t.db, Table: t.table, Label: t.label, State: t.state, Reason: t.reason, Rows: t.rows, Bytes: t.bytes, Forgotten: t.forgotten}
	if t.coordinator != nil {
		s.Node = t.coordinator.opts.Name
	}
	return s
}

// loadFailure is an answer of the leader that is no OK (TStatus).
type loadFailure struct {
	code    string // of TStatusCode
	message string
	job     string // ExistingJobStatus, with LABEL_ALREADY_EXISTS
}

func (f *loadFailure) Error() string { return f.message }

func failure(code, format string, args ...any) *loadFailure {
	return &loadFailure{code: code, message: fmt.Sprintf(format, args...)}
}

// errRPC is an RPC that got no answer: the leader is away, or went away.
var errRPC = errors.New("call frontend service failed, reason=THRIFT_RPC_ERROR")

// tidy does what time has brought: transactions become visible, time out, and are forgotten. It needs c.mu, as all of labels does.
func (l *labels) tidy(now time.Time) {
	for _, t := range l.open {
		switch {
		case t.state == LoadCommitted && !now.Before(t.visible):
			t.state, t.ended = LoadVisible, t.visible
			l.close(t)
		case t.state == LoadPrepare && now.Sub(t.began) > t.timeout:
			l.abort(t, "timeout by txn manager", now)
		case t.state == LoadPrepared && t.prepTimeout > 0 && now.Sub(t.prepared) > t.prepTimeout,
			t.state == LoadPrepared && t.prepTimeout == 0 && now.Sub(t.began) > t.timeout:
			l.abort(t, "timeout by txn manager", now)
		}
	}
	running := make(map[string]int, 1)
	for _, t := range l.open {
		running[t.db]++
	}
	for db, list := range l.final {
		for len(list) > 0 && (running[db]+len(list) > l.most || now.Sub(list[0].ended) > l.keep) { // removeExpiredTxns: those that run count, too
			l.forget(list[0])
			list = list[1:]
		}
		l.final[db] = list
	}
}

// close notes that a transaction has become final.
func (l *labels) close(t *loadTxn) {
	delete(l.open, t.id)
	l.final[t.db] = append(l.final[t.db], t)
}

// forget makes the leader know nothing of a transaction any more.
func (l *labels) forget(t *loadTxn) {
	t.forgotten = true
	delete(l.byID, t.id)
	delete(l.open, t.id)
	if key := t.db + "/" + t.label; l.byName[key] == t {
		delete(l.byName, key)
	}
}

// lost is the end of a leader: transactions that have only begun are in no journal.
func (l *labels) lost() {
	for _, t := range slices.Collect(maps.Values(l.open)) {
		if t.state == LoadPrepare {
			t.state, t.reason = LoadAborted, "lost with its leader"
			t.batches = nil
			l.forget(t)
		}
	}
}

// begin is beginTransaction.
func (l *labels) begin(t *loadTxn, now time.Time) (*loadTxn, error) {
	l.tidy(now)
	if old := l.byName[t.db+"/"+t.label]; old != nil && old.state != LoadAborted {
		if old.state == LoadPrepare && old.request != "" && old.request == t.request {
			return old, nil // the same request once more
		}
		f := failure("LABEL_ALREADY_EXISTS", "Label [%s] has already been used, relate to txn: [%d].", t.label, old.id)
		f.job = jobStatus(old.state)
		return nil, f
	}
	l.lastID++
	t.id, t.state, t.began = l.lastID, LoadPrepare, now
	l.all = append(l.all, t)
	l.byID[t.id], l.open[t.id] = t, t
	l.byName[t.db+"/"+t.label] = t
	return t, nil
}

// jobStatus is LabelAlreadyUsedException's.
func jobStatus(s LoadState) string {
	switch s {
	case LoadCommitted, LoadVisible:
		return "FINISHED"
	default: // PREPARED too
		return "RUNNING"
	}
}

// prepare is prepareTransaction: what is PREPARED is in the journal. A timeout above zero holds from then on.
func (l *labels) prepare(t *loadTxn, batches []*loadBatch, timeout time.Duration, now time.Time) error {
	switch t.state {
	case LoadAborted:
		return failure("INTERNAL_ERROR", "%s", t.reason)
	case LoadPrepare:
		t.state, t.batches, t.prepared = LoadPrepared, batches, now
		if timeout > 0 {
			t.prepTimeout = timeout
		}
	case LoadPrepared, LoadCommitted, LoadVisible, LoadUnknown:
	}
	return nil
}

// commit makes a transaction's rows count. It is visible after publish.
func (l *labels) commit(t *loadTxn, now time.Time, publish time.Duration) error {
	switch t.state {
	case LoadCommitted, LoadVisible:
		return nil
	case LoadAborted:
		return failure("INTERNAL_ERROR", "transaction [%d] is already aborted. abort reason: %s", t.id, t.reason)
	case LoadPrepare, LoadPrepared, LoadUnknown:
	}
	t.state, t.visible = LoadCommitted, now.Add(publish)
	for _, b := range t.batches {
		table := l.tables[b.table]
		if table == nil {
			table = newLoadedTable()
			l.tables[b.table] = table
		}
		table.take(b)
		l.store(b)
		t.rows += b.rows
		t.bytes += b.bytes
	}
	t.batches, t.lives = nil, nil
	l.tidy(now)
	return nil
}

// abort ends a transaction without effect.
func (l *labels) abort(t *loadTxn, reason string, now time.Time) {
	t.state, t.reason, t.ended, t.batches = LoadAborted, reason, now, nil
	l.close(t)
}

// rollback is abortTransaction.
func (l *labels) rollback(t *loadTxn, reason string, now time.Time) error {
	switch t.state {
	case LoadAborted:
		return failure("INTERNAL_ERROR", "transaction [%d] is already aborted. abort reason: %s", t.id, t.reason)
	case LoadCommitted, LoadVisible:
		return failure("INTERNAL_ERROR", "transaction [%d] is already %s, could not abort.", t.id, t.state)
	case LoadPrepare, LoadPrepared, LoadUnknown:
	}
	l.abort(t, reason, now)
	return nil
}

// state is getLabelStatus.
func (l *labels) state(db, label string, now time.Time) (LoadState, string) {
	l.tidy(now)
	if t := l.byName[db+"/"+label]; t != nil {
		return t.state, t.reason
	}
	return LoadUnknown, ""
}

// txn finds a transaction by its id.
func (l *labels) txn(id int64, now time.Time) (*loadTxn, error) {
	l.tidy(now)
	if t := l.byID[id]; t != nil {
		return t, nil
	}
	return nil, failure("TXN_NOT_EXISTS", "transaction not found")
}

// judgeLoads is what HeartbeatMgr does after a heartbeat: a BE that did not answer well and is not alive loses the transactions that it coordinates, also
// when what it answered is SHUTDOWN, but for the newest code ([Options.SpareLeavingLoads]). A restart that was seen loses them in Doris alone. It needs c.mu.
func (c *Cluster) judgeLoads(b *BE, at time.Time, dead bool) {
	switch {
	case c.cloud: // abortTxnWhenCoordinateBeDown does nothing there
	case b.is.state == serving && (!dead || c.flavor != backend.Doris):
	case b.is.state == exiting && (b.known.alive || c.spares && !c.deadly):
	case b.is.state == gone && b.known.alive:
	default:
		c.loads.coordinatorGone(b, at)
	}
}

// coordinatorGone is abortTxnWhenCoordinateBeDown: not of what is PREPARED (abortPrepared is false).
func (l *labels) coordinatorGone(b *BE, now time.Time) {
	for _, t := range slices.Collect(maps.Values(l.open)) {
		if t.coordinator == b && t.state == LoadPrepare {
			l.abort(t, "coordinate BE is down", now)
		}
	}
}

// rpc is an RPC of a BE at the leader. It fails with errRPC when there is none, when this life of the BE is over, or when a fault wants it to.
func (c *Cluster) rpc(life *beLife, op LoadOp, label string, do func(l *labels, now time.Time) error) error {
	leader, changed := c.watch()
	if leader == nil {
		return errRPC
	}
	if err := leader.strikeRPC(op, AtArrival, label, changed, life); err != nil {
		return err
	}
	c.mu.Lock()
	if c.leader != leader || life.ctx.Err() != nil {
		c.mu.Unlock()
		return errRPC
	}
	now := time.Now()
	c.beats(now)
	err := do(&c.loads, now)
	c.mu.Unlock()
	if harm := leader.strikeRPC(op, AtDone, label, changed, life); harm != nil {
		return harm
	}
	return err
}

// strikeRPC lets the faults of an RPC strike.
func (f *FE) strikeRPC(op LoadOp, step LoadStep, label string, changed <-chan struct{}, life *beLife) error {
	harm, cleared := f.loadFaults.strike(op, step, label)
	switch harm {
	case "":
		return nil
	case HarmDie:
		f.die(death{code: exitKilled, reset: true})
		select {
		case <-changed:
		case <-life.ctx.Done():
		}
	case HarmHang:
		select {
		case <-cleared:
		case <-changed:
		case <-life.ctx.Done():
		}
	case HarmCut, HarmReset:
	}
	return errRPC
}

// tidyLoads does what time has brought: heartbeats, too. It needs c.mu.
func (c *Cluster) tidyLoads(now time.Time) {
	c.beats(now)
	c.loads.tidy(now)
}
