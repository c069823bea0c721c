package fesim

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// txnContext is a transaction as the BE knows it on which it was begun (StreamLoadContext in stream_context_mgr). beLife.mu guards it; who is busy with it may
// read and write txn, reader and err.
type txnContext struct {
	txn       *loadTxn
	db, table string
	busy      bool // a request is being served: its lock is held
	sent      bool // a load has begun
	reader    *rowReader
	header    http.Header // of the first load
	err       error       // why it cannot be committed
}

// transaction is TransactionManagerAction, and TransactionStreamLoadAction for loads.
func (l *beLife) transaction(x *loadCall, op string) {
	x.at(AtArrival)
	switch {
	case x.label == "":
		l.replyTxn(x, nil, failure("INVALID_ARGUMENT", "empty label"))
	case x.op == OpTxnLoad:
		l.txnLoad(x)
	case x.r.Header.Get("transaction_type") != "":
		l.replyTxn(x, nil, failure("INVALID_ARGUMENT", "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes"))
	case x.op == OpBegin:
		l.txnBegin(x)
	case x.op == OpCommit, x.op == OpPrepare:
		l.txnEnd(x)
	case x.op == OpRollback:
		l.txnRollback(x)
	default:
		l.replyTxn(x, nil, failure("INVALID_ARGUMENT", "unsupport transaction operation %s", op))
	}
}

// replyTxn is to_resp_json.
func (l *beLife) replyTxn(x *loadCall, t *txnContext, err error) {
	m := map[string]any{"Status": "OK", "Message": ""}
	var f *loadFailure
	switch {
	case errors.As(err, &f):
		m["Status"], m["Message"] = f.code, f.message
		if f.code == "LABEL_ALREADY_EXISTS" {
			m["ExistingJobStatus"] = f.job
		}
		if f.code == "TXN_IN_PROCESSING" {
			m["Label"] = x.label
		}
	case err != nil:
		m["Status"], m["Message"] = "THRIFT_RPC_ERROR", err.Error()
	default:
		m["Label"] = x.label
	}
	if t != nil && err == nil && x.op != OpRollback {
		m["TxnId"] = t.txn.id
		switch x.op {
		case OpBegin:
			m["BeginTxnTimeMs"] = 0
		case OpTxnLoad:
			m["LoadBytes"], m["StreamLoadPlanTimeMs"], m["ReceivedDataTimeMs"] = max(x.r.ContentLength, 0), 0, 0
		default:
			b := t.reader.batch
			for _, name := range []string{"NumberUnselectedRows", "LoadTimeMs", "StreamLoadPlanTimeMs", "ReceivedDataTimeMs", "WriteDataTimeMs", "CommitAndPublishTimeMs"} {
				m[name] = 0
			}
			m["NumberTotalRows"], m["NumberLoadedRows"], m["NumberFilteredRows"], m["LoadBytes"] = b.rows+b.filtered, b.rows, b.filtered, b.bytes
		}
	}
	if t != nil && t.reader != nil {
		if url := l.keepErrors(t.txn.id, t.reader.batch); url != "" {
			m["ErrorURL"] = url
		}
	}
	x.answer(http.StatusOK, marshal(m))
}

// txnBegin is begin_transaction.
func (l *beLife) txnBegin(x *loadCall) {
	if l.context(x.label) != nil {
		l.replyTxn(x, nil, &loadFailure{code: "LABEL_ALREADY_EXISTS"})
		return
	}
	header := x.r.Header.Get
	t, err := l.beginLoad(x, header("db"), header("table"), x.label)
	if err != nil {
		l.replyTxn(x, nil, err)
		return
	}
	ctx := &txnContext{txn: t, db: header("db"), table: header("table")}
	l.mu.Lock()
	l.contexts[x.label] = ctx
	l.mu.Unlock()
	l.replyTxn(x, ctx, nil)
}

func (l *beLife) context(label string) *txnContext {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.contexts[label]
}

// lock takes a context for a request.
func (l *beLife) lock(t *txnContext) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.busy {
		return failure("TXN_IN_PROCESSING", "Transaction in processing, please retry later")
	}
	t.busy = true
	return nil
}

func (l *beLife) unlock(t *txnContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.busy = false
}

// forget removes a context.
func (l *beLife) forget(t *txnContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.contexts, t.txn.label)
}

// txnLoad is TransactionStreamLoadAction. What has come of a body stays in the transaction, also when its client goes in the middle.
func (l *beLife) txnLoad(x *loadCall) {
	header := x.r.Header.Get
	t := l.context(x.label)
	if t == nil {
		t = l.multiContext(x)
	}
	refuse := func(t *txnContext, err error) {
		x.w.Header().Set("Connection", "close")
		l.replyTxn(x, t, err)
	}
	switch {
	case t == nil:
		refuse(nil, failure("TXN_NOT_EXISTS", "Transaction with label %s not exists", x.label))
		return
	case t.db != header("db"):
		refuse(nil, failure("INVALID_ARGUMENT", "Request database %s not equal transaction database %s", header("db"), t.db))
		return
	case t.table != header("table"):
		refuse(nil, failure("INVALID_ARGUMENT", "Request table %s not equal transaction table %s", header("table"), t.table))
		return
	}
	if err := l.lock(t); err != nil {
		refuse(nil, err)
		return
	}
	locked := true
	unlock := func() {
		if locked {
			locked = false
			l.unlock(t)
		}
	}
	defer unlock()
	err := t.err
	if err != nil {
		err = failure("ABORTED", "current transaction is aborted")
	} else if t.reader == nil {
		if t.reader, err = newRowReader(header, l.be, t.db+"."+t.table); err == nil {
			t.header = x.r.Header.Clone()
			l.mu.Lock()
			t.sent = true
			l.mu.Unlock()
		}
	}
	if err != nil {
		t.err = err
		unlock()
		refuse(t, err)
		return
	}
	x.at(AtBegun)
	if err := l.receive(x, t.reader); err != nil {
		if t.txn.multi {
			_ = l.addStatement(t)
		}
		x.end(false)
	}
	x.at(AtBody)
	if t.txn.multi {
		err = l.addStatement(t)
	}
	unlock() // before the answer: the next request may come at once
	l.replyTxn(x, t, err)
}

// multiContext is what the leader has told a BE of a load in a transaction of several statements; nil if there is no such transaction.
func (l *beLife) multiContext(x *loadCall) *txnContext {
	header := x.r.Header.Get
	c := l.be.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.loads.byName[header("db")+"/"+x.label]; t != nil && t.multi {
		return &txnContext{txn: t, db: header("db"), table: header("table")}
	}
	return nil
}

// addStatement gives a statement's rows to the transaction.
func (l *beLife) addStatement(t *txnContext) error {
	batch, err := t.reader.finish(t.header.Get)
	c := l.be.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.txn.state != LoadPrepare {
		return failure("ABORTED", "transaction is %s", t.txn.state)
	}
	t.txn.batches = append(t.txn.batches, batch)
	t.txn.lives = append(t.txn.lives, l)
	return err
}

// txnEnd is commit_transaction, for prepare too.
func (l *beLife) txnEnd(x *loadCall) {
	t := l.context(x.label)
	switch {
	case t == nil:
		l.replyTxn(x, nil, failure("TXN_NOT_EXISTS", "transaction with label %s not exists", x.label))
		return
	case t.db != x.r.Header.Get("db"):
		l.replyTxn(x, nil, failure("INVALID_ARGUMENT", "request db %s transaction db %s not match", x.r.Header.Get("db"), t.db))
		return
	}
	if err := l.lock(t); err != nil {
		l.replyTxn(x, nil, err)
		return
	}
	err := l.endTxn(x, t)
	if err == nil || isPublishTimeout(err) {
		l.forget(t)
	} else {
		t.err = err
		if l.rollbackLoad(t.txn, err.Error()) == nil {
			l.forget(t)
		}
	}
	l.unlock(t)
	l.replyTxn(x, t, err)
}

// endTxn is _commit_transaction.
func (l *beLife) endTxn(x *loadCall, t *txnContext) error {
	switch {
	case t.err != nil:
		return failure("ABORTED", "transaction is aborted")
	case t.reader == nil:
		return failure("INTERNAL_ERROR", "transaction %s hasn't send any data yet", x.label)
	}
	batch, err := t.reader.finish(t.header.Get)
	switch {
	case err != nil:
		return err
	case x.op == OpCommit:
		return l.commitLoad(t.txn, []*loadBatch{batch})
	}
	timeout, _ := seconds(x.r.Header.Get("prepared_timeout"))
	return l.prepareLoad(t.txn, []*loadBatch{batch}, time.Duration(float64(timeout)*l.be.cluster.loadScale))
}

// txnRollback is rollback_transaction.
func (l *beLife) txnRollback(x *loadCall) {
	t := l.context(x.label)
	var err error
	switch {
	case t == nil:
		err = failure("TXN_NOT_EXISTS", "transaction with label %s not exists", x.label)
	case t.db != x.r.Header.Get("db"):
		err = failure("INVALID_ARGUMENT", "request db %s transaction db %s not match", x.r.Header.Get("db"), t.db)
	default:
		l.mu.Lock()
		busy := t.busy
		l.mu.Unlock()
		if !busy {
			t.err = fmt.Errorf("transaction is aborted by user.") //nolint:staticcheck // its text
		}
		if err = l.rollbackLoad(t.txn, "transaction is aborted by user."); err == nil {
			l.forget(t)
		}
	}
	l.replyTxn(x, nil, err)
}
