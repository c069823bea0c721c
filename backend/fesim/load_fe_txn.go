package fesim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// transaction is TransactionLoadAction: the leader alone.
func (h *healthServer) transaction(x *loadCall, op string) {
	if h.toLeader(x) {
		return
	}
	header := x.r.Header.Get
	switch {
	case x.op == "":
		x.failed("common.StarRocksException", "Unknown transaction operation: %s", op)
	case header("db") == "":
		x.failed("common.StarRocksException", "No database selected.")
	case x.label == "":
		x.failed("common.StarRocksException", "Empty label.")
	case header("transaction_type") == "multi":
		h.multi(x, header("db"))
	default:
		h.single(x, header("db"))
	}
}

// ended is the answer of a leader that has ended a transaction, or had; nil if it is not its affair.
type ended struct {
	txn     int64
	message string
	err     error
}

// single is TransactionWithoutChannelHandler, with TransactionLoadCoordinatorMgr.
func (h *healthServer) single(x *loadCall, db string) {
	c := h.life.fe.cluster
	var to *BE
	var end *ended
	err := c.atLeader(h.life.fe, func(now time.Time) error {
		if !exists(h.life.fe, c.journal.changes, db, "") {
			return fmt.Errorf("Database[%s] does not exist.", db) //nolint:staticcheck // its text
		}
		t := c.loads.byName[db+"/"+x.label]
		if x.op == OpCommit || x.op == OpRollback {
			if end = c.endAtLeader(t, x, now); end != nil {
				return nil
			}
		}
		if x.op == OpBegin {
			to = c.allocate(h.life.fe, t, x)
			if to == nil {
				return errors.New("No backend alive.") //nolint:staticcheck // its text
			}
			return nil
		}
		if to = c.coordinators[x.label]; to == nil && t != nil {
			to = t.coordinator
		}
		switch {
		case to != nil:
			return nil
		case x.op == OpCommit || x.op == OpRollback:
			return fmt.Errorf("No transaction found by label %s", x.label) //nolint:staticcheck // its text
		}
		return fmt.Errorf("Can't find the transaction with db [%s] and label[%s]. The possible reasons: 1. FE leader is started or switched; 2. The transaction timeouts and is cleaned.", db, x.label) //nolint:staticcheck // its text
	})
	switch {
	case errors.Is(err, errRPC):
		h.toLeader(x)
	case err != nil:
		x.failed("common.StarRocksException", "%s", err)
	case end != nil && end.err != nil:
		x.failed("common.StarRocksException", "%s", end.err)
	case end != nil:
		x.answer(http.StatusOK, marshal(map[string]any{"Status": "OK", "Message": end.message, "Label": x.label, "TxnId": end.txn}))
	default:
		h.redirect(x, to.advertised())
	}
}

// atLeader does something as the leader; errRPC if f is not that any more.
func (c *Cluster) atLeader(f *FE, do func(now time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader != f {
		return errRPC
	}
	now := time.Now()
	c.tidyLoads(now)
	return do(now)
}

// endAtLeader is handleCommitTransaction and handleRollbackTransaction: a transaction that is PREPARED, or has ended, needs no BE. It needs c.mu.
func (c *Cluster) endAtLeader(t *loadTxn, x *loadCall, now time.Time) *ended {
	if t == nil || t.state == LoadPrepare {
		return nil
	}
	e := &ended{txn: t.id}
	commits := x.op == OpCommit
	switch {
	case t.state == LoadPrepared && commits:
		e.err = c.loads.commit(t, now, c.publish)
	case t.state == LoadPrepared:
		e.err = c.loads.rollback(t, "User Aborted", now)
	case t.state == LoadAborted && !commits:
		e.message = fmt.Sprintf("Transaction %d has already aborted, label is %s", t.id, t.label)
	case t.state == LoadAborted:
		e.err = fmt.Errorf("Can not commit %s transaction %d, label is %s", t.state, t.id, t.label) //nolint:staticcheck // its text
	case commits:
		e.message = fmt.Sprintf("Transaction %d has already committed, label is %s", t.id, t.label)
	default:
		e.err = fmt.Errorf("Can not abort %s transaction %d, label is %s", t.state, t.id, t.label) //nolint:staticcheck // its text
	}
	return e
}

// allocate gives a transaction its coordinator: the one that it has, while that is alive or owns what is in PREPARE. It needs c.mu.
func (c *Cluster) allocate(f *FE, t *loadTxn, x *loadCall) *BE {
	old := c.coordinators[x.label]
	if old != nil && (old.known.alive || t != nil && t.state == LoadPrepare && t.coordinator == old) {
		return old
	}
	b := f.next(cmp.Or(x.r.Header.Get("warehouse"), "default_warehouse"))
	if b != nil {
		c.coordinators[x.label] = b
	}
	return b
}

// multi is MultiStatementTransactionHandler: all but the loads is the leader's own.
func (h *healthServer) multi(x *loadCall, db string) {
	c := h.life.fe.cluster
	var t *loadTxn
	var to *BE
	if x.op == OpTxnLoad {
		to = h.life.fe.nextNode(cmp.Or(x.r.Header.Get("warehouse"), "default_warehouse"))
	}
	err := c.atLeader(h.life.fe, func(now time.Time) error {
		if t = c.loads.byName[db+"/"+x.label]; x.op != OpBegin && (t == nil || !t.multi) {
			return failure("TXN_NOT_EXISTS", "stream load task with label %s not exists", x.label)
		}
		switch x.op {
		case OpBegin:
			if t != nil && t.multi && t.state != LoadAborted {
				f := failure("LABEL_ALREADY_EXISTS", "Transaction already started with label [%s], txnId: %d", x.label, t.id)
				f.job = "BEGIN"
				if t.state != LoadPrepare {
					f.message, f.job = fmt.Sprintf("Label [%s] has already been used.", x.label), "COMMITED" //nolint:misspell // State.COMMITED is written so
				}
				return f
			}
			var err error
			t, err = c.loads.begin(&loadTxn{db: db, table: x.r.Header.Get("table"), label: x.label, multi: true, timeout: c.loadTimeout(x.r)}, now)
			return err
		case OpTxnLoad:
			switch {
			case t.state != LoadPrepare:
				return failure("FAILED", "stream load task %s has already %s", x.label, t.state)
			case to == nil:
				return errors.New("No backend alive.") //nolint:staticcheck // its text
			}
			return nil
		case OpCommit:
			for _, l := range t.lives {
				if l.ctx.Err() != nil && t.state == LoadPrepare {
					c.loads.abort(t, "coordinate BE is down", now)
				}
			}
			return c.loads.commit(t, now, c.publish)
		case OpRollback:
			if t.state == LoadAborted {
				return nil
			}
			return c.loads.rollback(t, "User rollback", now)
		default:
		}
		return fmt.Errorf("Unsupported operation: %s", x.op) //nolint:staticcheck // its text
	})
	var f *loadFailure
	switch {
	case errors.Is(err, errRPC):
		h.toLeader(x)
	case errors.As(err, &f) && f.code == "LABEL_ALREADY_EXISTS":
		m := map[string]any{"Status": "LABEL_ALREADY_EXISTS", "Message": f.message, "ExistingJobStatus": f.job}
		if f.job == "BEGIN" {
			m["TxnId"] = t.id
		}
		x.answer(http.StatusOK, marshal(m))
	case err != nil:
		x.failed("common.StarRocksException", "%s", err)
	case to != nil:
		h.redirect(x, to.advertised())
	default:
		x.answer(http.StatusOK, marshal(map[string]any{"Status": "OK", "Message": "", "Label": x.label, "TxnId": t.id}))
	}
}

// loadTimeout is the timeout that a request asks for; stream_load_default_timeout_second is 600.
func (c *Cluster) loadTimeout(r *http.Request) time.Duration {
	d, ok := seconds(r.Header.Get("timeout"))
	if !ok {
		d = 600 * time.Second
	}
	return time.Duration(float64(d) * c.loadScale)
}
