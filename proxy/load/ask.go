package load

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

const (
	firstAsk  = 50 * time.Millisecond // between two questions about a label
	mostAsk   = time.Second
	askTime   = 10 * time.Second // for one of them
	lastAsks  = 10 * time.Second // for what is decided once the time is over
	mostState = 64 << 10         // bytes of an answer to one
)

// askLabel asks the leader what has become of the label.
func (x *exchange) askLabel() outcome.Event {
	x.flight.at(resolving)
	if x.until.IsZero() {
		x.until = time.Now().Add(x.options.Hold)
		if x.inDoubt() {
			x.until = time.Now().Add(x.patience())
		}
	}
	defer x.watch()()
	if x.asks > 0 && !x.wait(min(firstAsk<<min(x.asks-1, 10), mostAsk), nil) {
		return outcome.StateLost
	}
	if x.halfClosed.Load() && time.Until(x.until) > x.options.Hold {
		x.until = time.Now().Add(x.options.Hold) // nobody may be there to hear it
	}
	if time.Now().After(x.until) {
		x.until = time.Now().Add(lastAsks)
		return outcome.OutOfTime
	}
	x.dead = x.dead || x.atNode && x.asks%4 == 0 && x.isNodeDead()
	x.asks++
	return x.stateOf(x.label, false)
}

// askWitness asks for a label that is known to have been visible before the load began.
func (x *exchange) askWitness() outcome.Event {
	if x.witness == "" {
		return outcome.WitnessUnknown
	}
	defer x.watch()()
	for n := range fewestTries {
		switch x.stateOf(x.witness, true) {
		case outcome.StateVisible:
			return outcome.WitnessKnown
		case outcome.StateLost:
			if !x.wait(min(firstAsk<<(2*n), mostAsk), nil) {
				return outcome.WitnessUnknown
			}
		default:
			return outcome.WitnessUnknown
		}
	}
	return outcome.WitnessUnknown
}

// stateOf asks for a label's state. That nothing came of it is believed when no other FE contradicts, and one at least agrees on who leads: an FE that was frozen, or cut off, may take
// itself for the leader still, and knows nothing of what has happened since. So is, of a witness, that it is known.
func (x *exchange) stateOf(label string, witness bool) outcome.Event {
	uri := route.StateURI(x.is.Database, label)
	said, body, by, err := x.askLeader(http.MethodGet, uri)
	if err != nil {
		return outcome.StateLost
	}
	event := outcome.ReadState(said, body)
	if event == outcome.StateUnknown || event == outcome.StateAborted || event == outcome.StateVisible && witness {
		return x.confirm(event, uri, by)
	}
	return event
}

// confirm asks the other FEs who leads.
func (x *exchange) confirm(event outcome.Event, uri, leader string) outcome.Event {
	all, agree := x.server.cluster.Frontends(), 0
	for _, fe := range all {
		if fe.Address == leader || !fe.Up {
			continue
		}
		status, body, next, err := x.askOnce(http.MethodGet, hop{fe.Name, fe.Address, uri, fe.TLS})
		if err != nil {
			continue
		}
		own := outcome.ReadState(status, body)
		switch {
		case next != nil && next.address == leader, next == nil && own == event:
			agree++
		case next != nil:
			x.server.leader.set(next.address)
			return outcome.StateLost // it is asked again, there
		case own == outcome.StateCommitted, own == outcome.StateVisible:
			x.server.leader.set(fe.Address)
			return own
		case own != outcome.StateLost && own != outcome.StateRefused:
			return outcome.StateLost
		}
	}
	if agree == 0 && len(all) > 1 {
		return outcome.StateLost
	}
	x.server.leader.set(leader)
	return event
}

// askLeader has the leader answer a small request, by the client's account. One that answers by an error is passed over: another one may lead.
func (x *exchange) askLeader(method, uri string) (status int, body []byte, by string, err error) {
	asked := map[string]bool{}
	err = errors.New("no FE can be had")
	for _, fe := range x.leaders() {
		at := hop{fe.Name, fe.Address, uri, fe.TLS}
		for range mostHops {
			if asked[at.address] || x.gone() {
				break
			}
			asked[at.address] = true
			said, text, next, failed := x.askOnce(method, at)
			if failed == nil && next == nil && said == http.StatusOK {
				return said, text, at.address, nil
			}
			if next == nil {
				x.server.leader.clear(at.address)
				if err = failed; err == nil {
					status, body, err = said, text, fmt.Errorf("%s answered %d", at.name, said)
				}
				break
			}
			at = *next
		}
	}
	if status != 0 {
		return status, body, "", nil // all refuse
	}
	return 0, nil, "", err
}

// cancelLabel tells the leader to abort what the label stands for.
func (x *exchange) cancelLabel() outcome.Event {
	x.flight.at(resolving)
	defer x.watch()()
	if x.cancels++; x.cancels > 1 && !x.wait(min(firstAsk<<min(x.cancels, 10), mostAsk), nil) {
		return outcome.Cancelled
	}
	x.asks = 0
	x.abort() // whatever they say, the label's state is asked behind it
	return outcome.Cancelled
}

// rollbackURI is where StarRocks' nodes end a transaction.
const rollbackURI = "/api/transaction/rollback"

// abort has the cluster end what the label stands for. A transaction that a BE has is ended there, as its client would: that one would hold the label otherwise, whatever the leader
// knows, until its timeout (TransactionMgr of the BE). Where that cannot be had, and for loads, the leader does it.
func (x *exchange) abort() {
	if x.isStep() && x.options.flavor() == route.StarRocks {
		if x.atNode {
			_, body, next, err := x.askOnce(http.MethodPost, hop{x.to.Name, x.to.Address, rollbackURI, x.to.TLS})
			if said := outcome.ReadAnswer(http.StatusOK, body); err == nil && next == nil && (said.OK() || said.Status == "TXN_NOT_EXISTS") {
				return
			}
		}
		if x.is.Multi { // it is known by its label only once it has rows
			_, _, _, _ = x.askLeader(http.MethodPost, rollbackURI)
			return
		}
	}
	method, uri := route.CancelRequest(x.options.flavor(), x.is.Database, x.label)
	_, _, _, _ = x.askLeader(method, uri)
}

// leaders are the FEs that answer, who may lead first.
func (x *exchange) leaders() []Frontend {
	leader := x.server.leader.get()
	all := slices.Clone(x.server.cluster.Frontends())
	all = slices.DeleteFunc(all, func(fe Frontend) bool { return !fe.Up && fe.Address != leader })
	slices.SortStableFunc(all, func(a, b Frontend) int { return rankOf(a, leader) - rankOf(b, leader) })
	return all
}

func rankOf(fe Frontend, leader string) int {
	switch {
	case fe.Address == leader:
		return 0
	case fe.Leader:
		return 1
	}
	return 2
}

// askOnce asks one FE. Where that names the leader, next is whom to ask.
func (x *exchange) askOnce(method string, at hop) (status int, body []byte, next *hop, err error) {
	u, err := x.connect(at.name, at.address, at.secure)
	if err != nil {
		return 0, nil, nil, err
	}
	defer u.close()
	u.method = method
	_ = u.SetDeadline(time.Now().Add(askTime))
	out := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, at.uri, x.host())
	for _, f := range x.fields {
		switch f.Name {
		case "Authorization", "Cookie", "Token":
			out = head.Fields{f}.Append(out)
		case "Db", "Label", "Table", "Transaction_type", "Warehouse":
			if at.uri == rollbackURI {
				out = head.Fields{f}.Append(out)
			}
		}
	}
	if method == http.MethodPost {
		out = append(out, "Content-Length: 0\r\n"...)
	}
	if _, err := u.Write(append(out, "Connection: close\r\n\r\n"...)); err != nil {
		return 0, nil, nil, err
	}
	a, err := u.readHead()
	if err != nil {
		return 0, nil, nil, err
	}
	if location := a.Fields.Get("Location"); a.Status >= 300 && a.Status < 400 && location != "" {
		to, err := x.known().Redirect(location)
		if err == nil && !to.Frontend {
			err = errors.New("it redirects to a node")
		}
		if err != nil {
			return 0, nil, nil, err
		}
		next := &hop{to.Name, to.Address, to.URI, to.TLS}
		if fe, ok := x.frontend(to); ok {
			next.address, next.secure = fe.Address, fe.TLS
		}
		x.server.leader.set(next.address)
		return 0, nil, next, nil
	}
	for !a.whole && len(a.body) < mostState {
		part, err := a.next()
		if err != nil {
			return 0, nil, nil, err
		}
		a.body = append(a.body, part...)
	}
	return a.Status, a.body, nil, nil
}

// isNodeDead tells whether the node of the attempt is known to be gone.
func (x *exchange) isNodeDead() bool {
	if x.isNodeDown(x.to.Name) {
		return true
	}
	u, err := x.connect(x.to.Name, x.to.Address, false)
	if err == nil {
		u.close()
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// witnesses are, for each database, the label of the last load that has been told to be visible: whatever the cluster has forgotten later is older than it, as long as it
// knows that one.
type witnesses struct {
	mu     sync.Mutex
	labels map[string]string
}

// mostWitnesses bounds the databases of which one is kept.
const mostWitnesses = 10_000

func (w *witnesses) set(database, label string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.labels == nil || len(w.labels) >= mostWitnesses {
		w.labels = map[string]string{}
	}
	w.labels[strings.Clone(database)] = strings.Clone(label)
}

func (w *witnesses) get(database string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.labels[database]
}

// What the body of a step of a transaction may be. Most have none; where an engine writes tablets itself (StarRocks' bypass writes) prepare and rollback name each of them.
const (
	leastSmall = 1 << 20  // bytes that it may have where load.buffer is less
	freeSmall  = 16 << 10 // bytes that are in no account: there are as many as load.connections at most
)

// mostSmall is the longest body of a step, in bytes.
func (o *Options) mostSmall() int64 { return max(o.Buffer, leastSmall) }

// absorb reads the body of a step of a transaction, which is as good as none, so that it can be sent again with the head.
func (x *exchange) absorb() bool {
	x.small = []byte{}
	if x.body.done() {
		x.req.Body = head.Body{}
		return true
	}
	if x.req.Body.Length > x.options.mostSmall() {
		x.refuseSmall()
		return false
	}
	if !x.letSend() {
		return false
	}
	for !x.body.done() {
		x.client.readWithin(x.options.Progress)
		part, err := x.body.next()
		var bad *head.Error
		switch {
		case errors.As(err, &bad):
			x.refuse(bad.Status, bad.Text)
			return false
		case err != nil && !errors.Is(err, io.EOF):
			x.client.close = true
			return false
		}
		if !x.absorbPart(part) {
			return false
		}
	}
	x.req.Body = head.Body{Length: int64(len(x.small))}
	return true
}

// absorbPart adds to the small body, as far as there is memory for it.
func (x *exchange) absorbPart(part []byte) bool {
	need, most := int64(len(x.small)+len(part)), x.options.mostSmall()
	if need > most {
		x.refuseSmall()
		return false
	}
	if size := int64(cap(x.small)); need > size {
		size = min(max(need, 2*size), most)
		if more := size - freeSmall - x.smallHeld; more > 0 {
			if !x.server.room.reserve(more, max(x.options.Memory, defaultBuffer)) {
				x.refuse(http.StatusServiceUnavailable, "there is no memory for this body (load.memory): send the request again, later")
				return false
			}
			x.smallHeld += more
		}
		x.small = append(make([]byte, 0, size), x.small...)
	}
	x.small = append(x.small, part...)
	return true
}

func (x *exchange) refuseSmall() {
	x.refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("a step of a transaction has a body of more than %d bytes (load.buffer)", x.options.mostSmall()))
}
