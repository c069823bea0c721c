package fesim

import (
	"net/http"
	"strconv"
	"time"
)

// merge is a batch of loads that are committed together (MergeCommitTask): of one table, by a label of the BE's own.
type merge struct {
	batch *loadBatch
	done  chan struct{} // closed when it is over
	label string
	txn   int64
	err   error
}

// mergeCommit is _handle_batch_write: all of a body is read first, no transaction has begun by then, and a client's label is only the id of its request. With
// merge_commit_async the answer comes before the commit.
func (l *beLife) mergeCommit(x *loadCall, db, table string, res *loadResult) {
	reader, err := newRowReader(x.r.Header.Get, l.be, db+"."+table)
	if err == nil && userOf(x.r) == "" {
		err = failure("INTERNAL_ERROR", "no valid Basic authorization")
	}
	if err == nil && l.refuses() && l.be.cluster.spares {
		err = failure("SERVICE_UNAVAILABLE", "Service is shutting down, please retry later!")
	}
	request := res.label
	res.more = map[string]any{"RequestId": request, "LeftTimeMs": 0}
	if err != nil {
		res.err = err
		x.refuse(res.json())
		return
	}
	x.at(AtBegun)
	if err := l.receive(x, reader); err != nil {
		x.end(false)
	}
	batch, err := reader.finish(x.r.Header.Get)
	res.rows, res.bad, res.bytes = batch.rows+batch.filtered, batch.filtered, batch.bytes
	x.at(AtBody)
	if err == nil {
		interval, _ := strconv.Atoi(x.r.Header.Get("merge_commit_interval_ms"))
		m := l.join(x, db, table, batch, time.Duration(max(interval, 1))*time.Millisecond)
		res.label = m.label
		if x.r.Header.Get("merge_commit_async") != "true" {
			select {
			case <-m.done:
				res.txn, err = m.txn, m.err
			case <-l.ctx.Done():
				x.end(false)
			}
		}
	}
	res.err = err
	x.answer(http.StatusOK, res.json())
}

// join puts a batch into the merge of its table, which it opens if there is none.
func (l *beLife) join(x *loadCall, db, table string, batch *loadBatch, interval time.Duration) *merge {
	label := "merge_commit_" + l.be.newLabel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.merges[batch.table]; m != nil {
		m.batch.merge(batch)
		return m
	}
	m := &merge{batch: batch, done: make(chan struct{}), label: label, txn: -1}
	l.merges[batch.table] = m
	r := x.r.Clone(l.ctx)
	l.wg.Go(func() { // the request is being served, so the count is not zero
		l.sleep(interval)
		l.mu.Lock()
		delete(l.merges, batch.table)
		l.mu.Unlock()
		m.txn, m.err = l.commitAtOnce(&loadCall{r: r, op: OpLoad}, db, table, label, m.batch)
		close(m.done)
	})
	return m
}

// commitAtOnce begins a transaction and commits it.
func (l *beLife) commitAtOnce(x *loadCall, db, table, label string, batch *loadBatch) (txn int64, err error) {
	t, err := l.beginLoad(x, db, table, label)
	if err != nil {
		return -1, err
	}
	err = l.commitLoad(t, []*loadBatch{batch})
	if err != nil && !isPublishTimeout(err) {
		_ = l.rollbackLoad(t, err.Error())
	}
	return t.id, err
}
