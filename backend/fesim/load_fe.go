package fesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"segue/backend"
)

// serveLoads is what an FE serves under /api/ that concerns loads.
func (h *healthServer) serveLoads(w http.ResponseWriter, r *http.Request) {
	fe := h.life.fe
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	x := &loadCall{
		w: w, r: r, label: r.Header.Get("label"), faults: &fe.loadFaults, ctx: h.life.ctx,
		die: func() { h.life.die(death{code: exitKilled, reset: true}) },
	}
	put := r.Method == http.MethodPut
	var serve func()
	switch {
	case len(parts) == 3 && parts[2] == "_stream_load" && (put || r.Method == http.MethodPost):
		x.op, serve = OpLoad, func() { h.streamLoad(x, parts[0], parts[1]) }
	case len(parts) == 2 && parts[0] == "transaction" && (put || r.Method == http.MethodPost):
		x.op, serve = txnOps[parts[1]], func() { h.transaction(x, parts[1]) }
	case len(parts) == 2 && parts[1] == "get_load_state" && r.Method == http.MethodGet:
		x.op, x.label = OpState, r.URL.Query().Get("label")
		serve = func() { h.loadState(x, parts[0]) }
	case (len(parts) == 2 || len(parts) == 3) && parts[len(parts)-1] == "_stream_load_2pc" && put && fe.opts.Flavor == backend.Doris:
		x.op, serve = Op2PC, func() { h.redirectToBE(x, "") }
	default:
		http.NotFound(w, r)
		return
	}
	if !h.hold(r, fe.faults()) {
		panic(http.ErrAbortHandler)
	}
	x.at(AtArrival)
	if _, ok := fe.authorized(r); !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm=""`)
		x.answer(http.StatusUnauthorized, marshal(map[string]any{"status": "FAILED", "msg": "Access denied for user: need basic authorization"}))
		return
	}
	serve()
}

var txnOps = map[string]LoadOp{"begin": OpBegin, "load": OpTxnLoad, "prepare": OpPrepare, "commit": OpCommit, "rollback": OpRollback}

// authorized checks a request's user.
func (f *FE) authorized(r *http.Request) (user string, ok bool) {
	user, password, ok := r.BasicAuth()
	known, exists := f.opts.Users[user]
	return user, ok && exists && known == password
}

// streamLoad is LoadAction.
func (h *healthServer) streamLoad(x *loadCall, db, table string) {
	x.w.Header().Set("Connection", "close") // setForceCloseConnection
	merge := strings.EqualFold(x.r.Header.Get("enable_merge_commit"), "true")
	switch {
	case x.r.ProtoAtLeast(1, 1) && !strings.EqualFold(x.r.Header.Get("Expect"), "100-continue"):
		x.failed("There is no 100-continue header")
	case merge && h.toLeader(x):
	default:
		h.redirectToBE(x, cmp0(x.r.Header.Get("warehouse"), "default_warehouse"))
	}
}

func cmp0(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// failed is what LoadAction says of a DdlException.
func (x *loadCall) failed(format string, args ...any) {
	x.answer(http.StatusOK, marshal(map[string]any{"Status": "FAILED", "Message": "class com.starrocks.common.DdlException: " + fmt.Sprintf(format, args...)}))
}

// redirectToBE sends a client to the next BE, or CN of a warehouse.
func (h *healthServer) redirectToBE(x *loadCall, warehouse string) {
	b := h.life.fe.nextNode(warehouse)
	if b == nil {
		x.failed("No backend alive.")
		return
	}
	h.redirect(x, b.http.address)
}

// redirect answers 307. The scheme is always http, path and query stay.
func (h *healthServer) redirect(x *loadCall, address string) {
	to := url.URL{Scheme: "http", Host: address, Path: x.r.URL.Path, RawQuery: x.r.URL.RawQuery}
	if h.life.fe.opts.LocationCredentials {
		if user, password, ok := x.r.BasicAuth(); ok {
			to.User = url.UserPassword(user, password)
		}
	}
	x.w.Header().Set("Location", to.String())
	x.answer(http.StatusTemporaryRedirect, nil)
}

// toLeader redirects to the leader, and reports whether it did anything: not on the leader.
func (h *healthServer) toLeader(x *loadCall) bool {
	leader, _ := h.life.fe.cluster.watch()
	switch leader {
	case h.life.fe:
		return false
	case nil:
		x.failed("Cannot get leader ip and port")
	default:
		h.redirect(x, leader.http.address)
	}
	return true
}

// nextNode is the next BE in turn, of those that the FE takes for alive.
func (f *FE) nextNode(warehouse string) *BE {
	c := f.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats(time.Now())
	var nodes []*BE
	for _, b := range c.bes {
		if b.known.alive && len(c.disabled[b.id]) == 0 && b.opts.Compute == f.opts.SharedData && (!f.opts.SharedData || cmp0(b.opts.Warehouse, "default_warehouse") == warehouse) {
			nodes = append(nodes, b)
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	f.turn++
	return nodes[(f.turn-1)%len(nodes)]
}

// loadState is GetStreamLoadState.
func (h *healthServer) loadState(x *loadCall, db string) {
	if h.toLeader(x) {
		return
	}
	c := h.life.fe.cluster
	if x.label == "" {
		x.answer(http.StatusOK, marshal(map[string]any{"status": "FAILED", "msg": "No label selected."}))
		return
	}
	c.mu.Lock()
	state, reason := c.loads.state(db, x.label, time.Now())
	c.mu.Unlock()
	if h.life.fe.opts.Flavor == backend.Doris {
		x.answer(http.StatusOK, marshal(map[string]any{"msg": "success", "code": 0, "data": string(state), "count": 0}))
		return
	}
	x.answer(http.StatusOK, marshal(map[string]any{"state": string(state), "reason": reason, "status": "OK", "code": "0", "msg": "Success", "message": "OK"}))
}

// transaction is TransactionLoadAction.
func (h *healthServer) transaction(x *loadCall, op string) {
	if h.toLeader(x) {
		return
	}
	db := x.r.Header.Get("db")
	switch {
	case x.op == "":
		x.failed("Unknown transaction operation: %s", op)
	case db == "":
		x.failed("No database selected.")
	case x.label == "":
		x.failed("Empty label.")
	default:
		h.transactionAtLeader(x, db)
	}
}

// transactionAtLeader is TransactionWithoutChannelHandler.
func (h *healthServer) transactionAtLeader(x *loadCall, db string) {
	c := h.life.fe.cluster
	c.mu.Lock()
	t := c.loads.byName[db+"/"+x.label]
	var state LoadState
	node := c.coordinators[x.label]
	if t != nil {
		c.loads.tidy(time.Now())
		state = t.state
		if node == nil {
			node = t.coordinator
		}
	}
	var err error
	ended := false
	switch {
	case x.op == OpCommit && t != nil && (state == LoadPrepared || state == LoadCommitted || state == LoadVisible):
		ended = true
		err = c.loads.commit(t, time.Now(), c.publish)
	case x.op == OpRollback && t != nil && (state == LoadPrepared || state == LoadCommitted || state == LoadVisible):
		ended = true
		err = c.loads.rollback(t, "User rollback", time.Now())
	case t != nil && state == LoadAborted && x.op != OpBegin:
		ended = true
		err = failure("FAILED", "transaction [%d] is already aborted. abort reason: %s", t.id, t.reason)
	}
	c.mu.Unlock()
	switch {
	case ended && err != nil:
		x.failed("%s", err)
	case ended:
		x.answer(http.StatusOK, marshal(map[string]any{"Status": "OK", "Message": "", "Label": x.label, "TxnId": t.id}))
	case x.op == OpBegin:
		b := h.life.fe.nextNode(cmp0(x.r.Header.Get("warehouse"), "default_warehouse"))
		if b == nil {
			x.failed("No backend alive.")
			return
		}
		c.mu.Lock()
		c.coordinators[x.label] = b
		c.mu.Unlock()
		h.redirect(x, b.http.address)
	case node == nil:
		x.failed("No transaction found with db[%s] and label[%s]", db, x.label)
	default:
		h.redirect(x, node.http.address)
	}
}

// marshal is an answer as JSON, with its keys in their order by name.
func marshal(v map[string]any) []byte {
	b, _ := json.MarshalIndent(v, "", "    ")
	return append(b, '\n')
}

// seconds reads a header that is a number of seconds.
func seconds(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(s)
	return time.Duration(n) * time.Second, err == nil && n > 0
}

