package fesim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// LoadStep is a moment at which something may go wrong with a load.
type LoadStep string

// The steps, in their order. An FE has AtArrival, AtDone and AtAnswer; an RPC of a BE, at the leader, has AtArrival and AtDone.
const (
	AtArrival LoadStep = "arrived"   // the head of a request has come, or the RPC of a BE; nothing has been done
	AtBegun   LoadStep = "begun"     // BE: the transaction has begun, 100 Continue has not been said
	AtBytes   LoadStep = "receiving" // BE: [LoadFault.Bytes] of the body have come, which is not over
	AtBody    LoadStep = "received"  // BE: all of the body has come, nothing is committed; a load that loses its connection now is committed all the same
	AtDone    LoadStep = "done"      // it is committed (or begun, prepared, rolled back); no byte of the answer has been sent
	AtAnswer  LoadStep = "answering" // half of the answer has been sent
)

// LoadOp is what a request, or an RPC of a BE at the leader, is for.
type LoadOp string

// The operations.
const (
	OpLoad     LoadOp = "load" // _stream_load
	OpBegin    LoadOp = "begin"
	OpTxnLoad  LoadOp = "txn_load"
	OpPrepare  LoadOp = "prepare"
	OpCommit   LoadOp = "commit"
	OpRollback LoadOp = "rollback"
	OpState    LoadOp = "state"  // get_load_state
	OpCancel   LoadOp = "cancel" // _cancel
	Op2PC      LoadOp = "2pc"    // Doris' _stream_load_2pc

	OpRPCBegin    LoadOp = "rpc_begin" // loadTxnBegin, at the leader
	OpRPCPrepare  LoadOp = "rpc_prepare"
	OpRPCCommit   LoadOp = "rpc_commit"
	OpRPCRollback LoadOp = "rpc_rollback"
)

// LoadHarm is what a fault does.
type LoadHarm string

// The harms.
const (
	HarmDie   LoadHarm = "die"   // kill -9 of the node
	HarmCut   LoadHarm = "cut"   // FIN of this connection; of an RPC: no answer comes
	HarmReset LoadHarm = "reset" // RST of this connection; of an RPC as HarmCut
	HarmHang  LoadHarm = "hang"  // nothing more, until ClearLoadFaults or the node's end; the client's connection stays
)

// LoadFault is something that goes wrong with a load at an FE or BE.
type LoadFault struct {
	Op    LoadOp // "": any but RPCs
	Step  LoadStep
	Bytes int64  // with AtBytes
	Label string // "": any
	Do    LoadHarm
	Times int    // how often it strikes; zero: once; below zero: always
	Hit   func() // if not nil: called when it strikes, before the harm; it must not wait for the load
}

// Check reports a step, an operation or a harm that there is not.
func (f LoadFault) Check() error {
	steps := []LoadStep{AtArrival, AtBegun, AtBytes, AtBody, AtDone, AtAnswer}
	harms := []LoadHarm{HarmDie, HarmCut, HarmReset, HarmHang}
	ops := []LoadOp{"", OpLoad, OpBegin, OpTxnLoad, OpPrepare, OpCommit, OpRollback, OpState, OpCancel, Op2PC, OpRPCBegin, OpRPCPrepare, OpRPCCommit, OpRPCRollback}
	switch {
	case !slices.Contains(steps, f.Step):
		return fmt.Errorf("fault of a load: step %q: want one of %v", f.Step, steps)
	case !slices.Contains(harms, f.Do):
		return fmt.Errorf("fault of a load: do %q: want one of %v", f.Do, harms)
	case !slices.Contains(ops, f.Op):
		return fmt.Errorf("fault of a load: op %q: want none or one of %v", f.Op, ops[1:])
	}
	return nil
}

// loadFaults are those of a node.
type loadFaults struct {
	mu      sync.Mutex
	list    []LoadFault
	cleared chan struct{} // closed by clear
}

// InjectLoad adds a fault. Those that were added first strike first.
func (b *BE) InjectLoad(f LoadFault) { b.faults.add(f) }

// ClearLoadFaults ends all faults of loads; what hangs goes on.
func (b *BE) ClearLoadFaults() { b.faults.clear() }

// LoadFaults returns how many faults have still to strike.
func (b *BE) LoadFaults() int { return b.faults.left() }

// InjectLoad adds a fault. Those that were added first strike first.
func (f *FE) InjectLoad(fault LoadFault) { f.loadFaults.add(fault) }

// ClearLoadFaults ends all faults of loads; what hangs goes on.
func (f *FE) ClearLoadFaults() { f.loadFaults.clear() }

// LoadFaults returns how many faults have still to strike.
func (f *FE) LoadFaults() int { return f.loadFaults.left() }

func (l *loadFaults) add(f LoadFault) {
	set(&f.Times, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, f)
}

func (l *loadFaults) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
	if l.cleared != nil {
		close(l.cleared)
		l.cleared = nil
	}
}

func (l *loadFaults) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

// strike takes the fault that strikes now; "" if there is none. cleared is closed when a HarmHang is over.
func (l *loadFaults) strike(op LoadOp, step LoadStep, label string) (harm LoadHarm, cleared <-chan struct{}) {
	l.mu.Lock()
	var hit func()
	rpc := op == OpRPCBegin || op == OpRPCPrepare || op == OpRPCCommit || op == OpRPCRollback
	for i := range l.list {
		f := &l.list[i]
		if f.Step != step || f.Op != op && (f.Op != "" || rpc) || f.Label != "" && f.Label != label {
			continue
		}
		harm, hit = f.Do, f.Hit
		if f.Times--; f.Times == 0 {
			l.list = append(l.list[:i:i], l.list[i+1:]...)
		}
		break
	}
	if harm == HarmHang && l.cleared == nil {
		l.cleared = make(chan struct{})
	}
	cleared = l.cleared
	l.mu.Unlock()
	if hit != nil {
		hit()
	}
	return harm, cleared
}

// receiving returns after how many bytes a fault is to strike; below zero if none is.
func (l *loadFaults) receiving(op LoadOp, label string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		if f.Step == AtBytes && (f.Op == "" || f.Op == op) && (f.Label == "" || f.Label == label) {
			return f.Bytes
		}
	}
	return -1
}

// loadCall is one request of a load at a node.
type loadCall struct {
	w      http.ResponseWriter
	r      *http.Request
	op     LoadOp
	label  string
	faults *loadFaults
	die    func()          // kill -9 of the node; it does not wait
	ctx    context.Context // ends with the node's life
	gone   bool            // the connection has ended, the load goes on
}

// at lets the faults of a step strike. It does not return if the connection is to end.
func (x *loadCall) at(step LoadStep) {
	harm, cleared := x.faults.strike(x.op, step, x.label)
	switch harm {
	case HarmDie:
		x.die()
		<-x.ctx.Done()
		x.end(false)
	case HarmHang:
		select {
		case <-cleared:
		case <-x.ctx.Done():
			x.end(false)
		}
	case HarmReset, HarmCut:
		if step == AtBody { // nobody looks at the connection while a load is being committed
			x.gone = true
			x.close(harm == HarmReset)
			return
		}
		x.end(harm == HarmReset)
	}
}

// end ends the connection, and does not return.
func (x *loadCall) end(reset bool) {
	x.close(reset)
	panic(http.ErrAbortHandler)
}

// close ends the connection. The server alone would read a body to its end first.
func (x *loadCall) close(reset bool) {
	if conn, _, err := http.NewResponseController(x.w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			if reset {
				_ = tcp.SetLinger(0)
			} else {
				_ = tcp.CloseWrite() // a FIN first: what has not been read would make it a reset
			}
		}
		conn.Close()
	}
}

// parts are those of a path behind /api/. Empty ones do not count, at its end either (PathTrie).
func (x *loadCall) parts() []string {
	return strings.FieldsFunc(strings.TrimPrefix(x.r.URL.Path, "/api/"), func(c rune) bool { return c == '/' })
}

// answer sends an answer, if nothing goes wrong.
func (x *loadCall) answer(status int, body []byte) {
	if x.gone {
		panic(http.ErrAbortHandler)
	}
	x.at(AtDone)
	if x.ctx.Err() != nil {
		x.end(false)
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", itoa(len(body)))
	x.w.WriteHeader(status)
	if len(body) < 2 {
		x.at(AtAnswer)
		return
	}
	half := len(body) / 2
	_, _ = x.w.Write(body[:half])
	if x.faults.left() > 0 {
		_ = http.NewResponseController(x.w).Flush()
		x.at(AtAnswer)
	}
	_, _ = x.w.Write(body[half:])
}
