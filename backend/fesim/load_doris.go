package fesim

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// twoPhase is executeStreamLoad2PC of Doris' FE: any BE will do.
func (h *healthServer) twoPhase(x *loadCall) {
	header := x.r.Header.Get
	switch {
	case header("txn_id") == "" && x.label == "":
		x.answer(http.StatusOK, dorisFailure("No transaction id or label selected."))
	case header("txn_operation") == "":
		x.answer(http.StatusOK, dorisFailure("No transaction operation('commit' or 'abort') selected."))
	default:
		h.redirectToBE(x, "")
	}
}

// twoPhase is StreamLoad2PCAction of Doris' BE.
func (l *beLife) twoPhase(x *loadCall, db string) {
	x.at(AtArrival)
	header := x.r.Header.Get
	id, _ := strconv.ParseInt(header("txn_id"), 10, 64)
	operation := header("txn_operation")
	op := OpRPCCommit
	if operation == "abort" {
		op = OpRPCRollback
	}
	var err error
	if operation != "commit" && operation != "abort" {
		err = failure("INTERNAL_ERROR", "transaction operation should be 'commit' or 'abort'")
	} else {
		err = l.be.cluster.rpc(l, op, x.label, func(loads *labels, now time.Time) error {
			loads.tidy(now)
			t := loads.byID[id]
			if header("txn_id") == "" {
				t = loads.byName[db+"/"+x.label]
			}
			switch {
			case t == nil:
				return failure("ANALYSIS_ERROR", "errCode = 2, detailMessage = transaction [%s%s] not found", header("txn_id"), x.label)
			case t.state == LoadPrepare:
				return failure("ANALYSIS_ERROR", "errCode = 2, detailMessage = transaction [%d] is prepare, not pre-committed.", t.id)
			case t.state != LoadPrepared:
				return failure("ANALYSIS_ERROR", "errCode = 2, detailMessage = transaction [%d] is already %s, not pre-committed.", t.id, strings.ToLower(string(t.state)))
			case operation == "abort":
				return loads.rollback(t, "User Abort", now)
			}
			return loads.commit(t, now, l.be.cluster.publish)
		})
	}
	if err != nil {
		x.answer(http.StatusOK, marshal(map[string]any{"status": "ANALYSIS_ERROR", "msg": err.Error()}))
		return
	}
	x.answer(http.StatusOK, marshal(map[string]any{"status": "Success", "msg": fmt.Sprintf("transaction [%s] %s successfully.", cmp.Or(header("txn_id"), x.label), operation)}))
}

// groupCommits tells whether a load is one with group_commit (_can_group_commit): with other headers Doris falls back to a load as any.
func groupCommits(header func(string) string) bool {
	mode := header("group_commit")
	return mode != "" && !strings.EqualFold(mode, "off_mode") && header("two_phase_commit") != "true" &&
		!strings.EqualFold(header("partial_columns"), "true") && header("partitions") == "" && header("temporary_partitions") == ""
}

// groupCommit is a load with the header group_commit of Doris: it has no label of its own, and none may be given.
func (l *beLife) groupCommit(x *loadCall, db, table string, res *loadResult) {
	res.more = map[string]any{"GroupCommit": true}
	reader, err := newRowReader(x.r.Header.Get, l.be, db+"."+table)
	switch {
	case err != nil:
	case x.label != "" && x.r.ContentLength >= 0: // with a chunked body it is dropped
		err = failure("INVALID_ARGUMENT", "[INVALID_ARGUMENT]label and group_commit can't be set at the same time")
	case l.refuses():
		err = failure("SERVICE_UNAVAILABLE", "Service is shutting down, please retry later!")
	}
	if err != nil {
		res.err = err
		x.refuse(res.json())
		return
	}
	res.label = "group_commit_" + l.be.newLabel()
	x.at(AtBegun)
	whole := false
	defer func() {
		// GroupCommitBlockSink: what has been put into the group stays there, and is committed with it
		if b := reader.batch; !whole && b.rows > l.be.cluster.groupRows && l.ctx.Err() == nil {
			_, _ = l.commitAtOnce(x, db, table, res.label, b)
		}
	}()
	if err := l.receive(x, reader); err != nil {
		x.end(false)
	}
	whole = true
	batch, err := reader.finish(x.r.Header.Get)
	res.rows, res.bad, res.bytes = batch.rows+batch.filtered, batch.filtered, batch.bytes
	x.at(AtBody)
	if err == nil {
		res.txn, err = l.commitAtOnce(x, db, table, res.label, batch)
	}
	res.err = err
	x.answer(http.StatusOK, res.json())
}

var insertInto = regexp.MustCompile(`(?i)^\s*insert\s+into\s+(\w+)\.(\w+)`)

// httpStream is HttpStreamAction: the table is in a statement in the header sql.
func (l *beLife) httpStream(x *loadCall) {
	m := insertInto.FindStringSubmatch(x.r.Header.Get("sql"))
	if m == nil {
		x.refuse((&loadResult{txn: -1, label: x.label, began: time.Now(), err: failure("INTERNAL_ERROR", "parse sql failed")}).json())
		return
	}
	l.load(x, m[1], m[2])
}
