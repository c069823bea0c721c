package fesim

import (
	"cmp"
	"encoding/json"
	"errors"
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
	x := &loadCall{
		w: w, r: r, label: r.Header.Get("label"), faults: &fe.loadFaults, ctx: h.life.ctx,
		die: func() { h.life.die(death{code: exitKilled, reset: true}) },
	}
	serve := h.loadAction(x)
	if serve == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodPost && fe.opts.Flavor == backend.StarRocks && !x.aggregate() {
		x.end(false)
	}
	if w, ok := x.w.(*bareWriter); ok {
		defer w.close()
	}
	faults := fe.faults()
	faults.HealthHang = false
	if !h.hold(r, faults) {
		x.end(false)
	}
	x.at(AtArrival)
	switch {
	case h.sealed(x.op):
		x.w.Header().Set("Connection", "close")
		x.answer(http.StatusServiceUnavailable, []byte("FE is in graceful shutdown, no longer accepting new requests\n"))
	case !fe.authorized(r):
		x.w.Header().Set("WWW-Authenticate", `Basic realm=""`)
		x.answer(http.StatusUnauthorized, marshal(map[string]any{"status": "FAILED", "msg": "Access denied for " + userOf(r) + "@" + "127.0.0.1"}))
	default:
		serve()
	}
}

// loadAction is what a path stands for; nil if for nothing.
func (h *healthServer) loadAction(x *loadCall) func() {
	parts := x.parts()
	if len(parts) == 0 {
		return nil
	}
	put := x.r.Method == http.MethodPut
	doris := h.life.fe.opts.Flavor == backend.Doris
	last := parts[len(parts)-1]
	switch {
	case h.life.fe.opts.Flavor == backend.TiDB:
	case len(parts) == 3 && (last == "_stream_load" || last == "_load" && doris) && put:
		x.op = OpLoad
		return func() { h.streamLoad(x) }
	case len(parts) == 2 && parts[0] == "transaction" && (put || x.r.Method == http.MethodPost) && !doris:
		x.op = txnOps[parts[1]]
		return func() { h.transaction(x, parts[1]) }
	case len(parts) == 2 && last == "get_load_state" && x.r.Method == http.MethodGet:
		x.op, x.label = OpState, x.r.URL.Query().Get("label")
		return func() { h.loadState(x, parts[0]) }
	case last == "_cancel" && x.r.Method == http.MethodPost && (len(parts) == 3 && !doris || len(parts) == 2 && doris):
		x.op, x.label = OpCancel, x.r.URL.Query().Get("label")
		if !doris {
			x.label = parts[1]
		}
		return func() { h.cancel(x, parts[0]) }
	case (len(parts) == 2 || len(parts) == 3) && last == "_stream_load_2pc" && put && doris:
		x.op = Op2PC
		return func() { h.twoPhase(x) }
	case len(parts) == 1 && last == "_http_stream" && put && doris:
		x.op = OpLoad
		return func() { h.streamLoad(x) }
	}
	return nil
}

var txnOps = map[string]LoadOp{"begin": OpBegin, "load": OpTxnLoad, "prepare": OpPrepare, "commit": OpCommit, "rollback": OpRollback}

// sealed reports whether an FE of generation G4 refuses an operation: after its window all but the end of what has begun.
func (h *healthServer) sealed(op LoadOp) bool {
	l := h.life
	if l.opts.Generation != G4 || l.opts.Flavor != backend.StarRocks || !l.draining.Load() {
		return false
	}
	ends := op == OpPrepare || op == OpCommit || op == OpRollback
	return !ends && time.Now().UnixNano()-l.leftAt.Load() > int64(l.opts.scaled(l.opts.AcceptWindow))
}

// awaitsLoads reports whether a leader of generation G4 does not exit for transactions that have begun.
func (l *life) awaitsLoads() bool {
	c := l.fe.cluster
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.opts.Generation != G4 || c.leader != l.fe {
		return false
	}
	c.loads.tidy(time.Now())
	for _, t := range c.loads.open {
		if t.state == LoadPrepare {
			return true
		}
	}
	return false
}

// authorized checks a request's user.
func (f *FE) authorized(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	known, exists := f.opts.Users[user]
	return ok && exists && known == password
}

func userOf(r *http.Request) string {
	user, _, _ := r.BasicAuth()
	return user
}

// streamLoad is LoadAction.
func (h *healthServer) streamLoad(x *loadCall) {
	doris := h.life.fe.opts.Flavor == backend.Doris
	if !doris && !h.life.opts.KeepLoadConnections {
		x.w.Header().Set("Connection", "close") // setForceCloseConnection
	}
	header := x.r.Header.Get
	expects := strings.EqualFold(header("Expect"), "100-continue")
	merge := strings.EqualFold(header("enable_merge_commit"), "true") && !doris
	switch {
	case doris && !expects:
		x.answer(http.StatusOK, dorisFailure("There is no 100-continue header"))
	case x.r.ProtoAtLeast(1, 1) && !expects:
		x.failed("common.DdlException", "There is no 100-continue header")
	case merge && h.toLeader(x):
	case merge && (header("merge_commit_interval_ms") == "" || header("merge_commit_parallel") == ""):
		x.answer(http.StatusOK, marshal(map[string]any{"code": "INVALID_ARGUMENT", "status": "FAILED", "msg": "merge commit interval and parallel should be set", "message": ""}))
	default:
		h.redirectToBE(x, cmp.Or(header("warehouse"), "default_warehouse"))
	}
}

// failed is what FEs say of an exception: 200, and its class in the message.
func (x *loadCall) failed(class, format string, args ...any) {
	x.answer(http.StatusOK, marshal(map[string]any{"Status": "FAILED", "Message": "class com.starrocks." + class + ": " + fmt.Sprintf(format, args...)}))
}

// dorisFailure is RestBaseResult.
func dorisFailure(message string) []byte {
	return marshal(map[string]any{"status": "FAILED", "msg": message})
}

// redirectToBE sends a client to the next BE, or CN of a warehouse.
func (h *healthServer) redirectToBE(x *loadCall, warehouse string) {
	b := h.life.fe.nextNode(warehouse)
	switch {
	case b != nil:
		h.redirect(x, b.advertised())
	case h.life.fe.opts.Flavor == backend.Doris:
		x.answer(http.StatusOK, dorisFailure("No backend load available or there are disk space or tablet number limits"))
	default:
		x.failed("common.DdlException", "No backend alive.")
	}
}

// redirect answers 307. The scheme is always http, path and query stay.
func (h *healthServer) redirect(x *loadCall, address string) {
	to := url.URL{Scheme: "http", Host: address, Path: x.r.URL.Path, RawPath: x.r.URL.RawPath, RawQuery: x.r.URL.RawQuery}
	to.ForceQuery = h.life.fe.opts.Flavor == backend.Doris // RestBaseController.getRedirectUrL: path?query, also without one
	if h.life.fe.opts.LocationCredentials {
		if user, password, ok := x.r.BasicAuth(); ok {
			to.User = url.UserPassword(user, password)
		}
	}
	x.w.Header().Set("Location", to.String())
	x.answer(http.StatusTemporaryRedirect, nil)
}

// toLeader redirects to the leader, and reports whether it did anything: not on the leader. While there is none, it names the last one, be it itself
// (RestBaseAction.redirectToLeader).
func (h *healthServer) toLeader(x *loadCall) bool {
	c := h.life.fe.cluster
	if h.life.fe.cutOff() != nil { // what it would write gets no majority
		h.life.die(death{code: exitRefused, reset: true})
		<-x.ctx.Done()
		x.end(false)
	}
	c.mu.Lock()
	leader, former := c.leader, c.former
	c.mu.Unlock()
	switch {
	case leader == h.life.fe:
		return false
	case former == nil:
		x.failed("common.DdlException", "Cannot get leader ip and port")
	default:
		h.redirect(x, cmp.Or(former.opts.Advertised, former.http.address))
	}
	return true
}

// nextNode is the next BE in turn, of those that the FE takes for alive.
func (f *FE) nextNode(warehouse string) *BE {
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	return f.next(warehouse)
}

// next needs c.mu.
func (f *FE) next(warehouse string) *BE {
	c := f.cluster
	c.beats(time.Now())
	var nodes []*BE
	for _, b := range c.bes {
		if b.known.alive && len(c.disabled[b.id]) == 0 && b.opts.Compute == f.opts.SharedData && (!f.opts.SharedData || cmp.Or(b.opts.Warehouse, "default_warehouse") == warehouse) {
			nodes = append(nodes, b)
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	f.turn++
	return nodes[(f.turn-1)%len(nodes)]
}

// loadState is GetStreamLoadState; of Doris, GetLoadStateAction is the same.
func (h *healthServer) loadState(x *loadCall, db string) {
	if known := h.life.fe.cutOff(); known != nil {
		state := cmp.Or(known[db+"/"+x.label], labelState{state: LoadUnknown})
		x.answer(http.StatusOK, marshal(map[string]any{"state": string(state.state), "reason": state.reason, "status": "OK", "code": "0", "msg": "Success", "message": "OK"}))
		return
	}
	if h.toLeader(x) {
		return
	}
	fe := h.life.fe
	c := fe.cluster
	c.mu.Lock()
	now := time.Now()
	c.beats(now)
	known := exists(fe, c.journal.changes, db, "")
	state, reason := c.loads.state(db, x.label, now)
	leads := c.leader == fe
	if t := c.loads.byName[db+"/"+x.label]; t != nil && t.multi && state == LoadPrepare { // TransactionStmtExecutor.beginStmt: it has no label before its commit
		state = LoadUnknown
	}
	c.mu.Unlock()
	doris := fe.opts.Flavor == backend.Doris
	switch {
	case !leads:
		h.toLeader(x)
	case x.label == "" && !doris, !known && !doris:
		what := "unknown database, database=" + db
		if x.label == "" {
			what = "No label selected."
		}
		x.answer(http.StatusOK, marshal(map[string]any{"status": "FAILED", "code": "1", "msg": what, "message": what}))
	case doris && fe.opts.Cloud && state == LoadUnknown: // CloudGlobalTransactionMgr.getLabelState
		x.answer(http.StatusOK, marshal(map[string]any{"msg": "Error", "code": 1, "data": "errCode = 2, detailMessage = transaction not found, label=" + x.label, "count": 0}))
	case doris:
		x.answer(http.StatusOK, marshal(map[string]any{"msg": "success", "code": 0, "data": dorisState(state), "count": 0}))
	default:
		x.answer(http.StatusOK, marshal(map[string]any{"state": string(state), "reason": reason, "status": "OK", "code": "0", "msg": "Success", "message": "OK"}))
	}
}

// cancel is CancelStreamLoad, and Doris' CancelLoadAction: the transaction of a label is aborted if it is in PREPARE, and only then.
func (h *healthServer) cancel(x *loadCall, db string) {
	if h.toLeader(x) {
		return
	}
	fe := h.life.fe
	c := fe.cluster
	err := c.atLeader(fe, func(now time.Time) error {
		t := c.loads.byName[db+"/"+x.label]
		switch {
		case !exists(fe, c.journal.changes, db, ""):
			return fmt.Errorf("unknown database, database=%s", db)
		case t == nil, t.multi && t.state == LoadPrepare:
			return fmt.Errorf("transaction not found, label=%s", x.label)
		case t.state != LoadPrepare:
			return fmt.Errorf("running transaction not found, label=%s", x.label)
		}
		c.loads.abort(t, "user cancel", now)
		return nil
	})
	doris := fe.opts.Flavor == backend.Doris
	switch {
	case errors.Is(err, errRPC):
		h.toLeader(x)
	case err != nil && doris:
		x.answer(http.StatusOK, marshal(map[string]any{"msg": "Error", "code": 1, "data": err.Error(), "count": 0}))
	case err != nil:
		x.answer(http.StatusOK, marshal(map[string]any{"status": "FAILED", "code": "1", "msg": err.Error(), "message": err.Error()}))
	case doris:
		x.answer(http.StatusOK, marshal(map[string]any{"msg": "success", "code": 0, "data": nil, "count": 0}))
	default:
		x.answer(http.StatusOK, marshal(map[string]any{"status": "OK", "code": "0", "msg": "Success", "message": "OK"}))
	}
}

// dorisState is the name that Doris has for a state.
func dorisState(s LoadState) string {
	if s == LoadPrepared {
		return "PRECOMMITTED"
	}
	return string(s)
}

// marshal is an answer as JSON, its keys sorted.
func marshal(v map[string]any) []byte {
	b, _ := json.MarshalIndent(v, "", "    ")
	return append(b, '\n')
}

// seconds reads a header that is a number of seconds.
func seconds(s string) (time.Duration, bool) {
	n, err := strconv.Atoi(s)
	return time.Duration(n) * time.Second, err == nil && n > 0
}
