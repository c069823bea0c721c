package load

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"segue/backend/wire"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// continueTime is for how long a node may begin a load, which takes it a call to the leader, before it says 100.
const continueTime = 30 * time.Second

// fewestTries is how often nodes are tried at least before the budget counts: one that hangs must not use it up alone.
const fewestTries = 3

// name is "host:port".
func (n Node) name() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// noBody tells whether nothing is to be sent behind the head.
func (x *exchange) noBody() bool { return x.req.Body.None() || x.small != nil }

// tryNode connects to the node that an FE has named, and sends the head.
func (x *exchange) tryNode() outcome.Event {
	if x.node != nil {
		return outcome.Continue // it is an FE that takes the body itself
	}
	if x.since.IsZero() {
		x.since, x.tries = time.Now(), 0
	}
	if time.Since(x.since) > x.options.Budget && x.tries >= fewestTries {
		return outcome.NoNode
	}
	defer x.watch()()
	if !x.choose() {
		return outcome.Unreachable
	}
	x.tries++
	x.flight.set(func(l *Load) { l.State, l.Node, l.Attempts = atNode, x.to.Name, l.Attempts+1 })
	u, err := x.connect(x.to.Name, x.to.Address, x.to.TLS)
	if err != nil {
		x.nodeLost(err)
		return outcome.Unreachable
	}
	name := x.to.Name
	x.guard(u, func() bool { return x.isNodeDown(name) })
	x.node, x.begun, x.start, x.witness = u, false, time.Now(), x.server.witnesses.get(x.is.Database)
	return x.introduce(u)
}

// introduce sends the head to a node, and waits for its 100, or its answer.
func (x *exchange) introduce(u *upstream) outcome.Event {
	u.writeWithin(x.options.Progress)
	if _, err := u.Write(append(x.requestHead(x.to.Name, x.to.URI, x.req.Body, !x.noBody()), x.small...)); err != nil {
		x.nodeLost(err)
		if x.noBody() {
			u.whole = true // it may have been read to its end
			return outcome.NodeLost
		}
		return outcome.Unreachable
	}
	if x.noBody() {
		u.whole = true
		u.readWithin(x.patience())
		x.flight.at(atAnswer)
		return x.conclude(u.readHead())
	}
	u.readWithin(continueTime)
	for {
		a, err := u.readAnyHead()
		switch {
		case err != nil || !a.Informational():
			return x.conclude(a, err)
		case a.Status == http.StatusContinue:
			x.begun = true
			return outcome.Continue
		}
	}
}

// conclude takes a node's answer, or the error that there is in its place.
func (x *exchange) conclude(a *answer, err error) outcome.Event {
	if err == nil {
		x.reply = a
		err = a.readAll(x.options.Progress)
	}
	if err != nil { // half an answer does not tell that the label is this load's
		x.dropReply()
		x.nodeLost(err)
		x.node.close()
		return outcome.NodeLost
	}
	if a.Status >= 300 && a.Status < 400 {
		x.dropReply()
		x.nodeLost(fmt.Errorf("it sends on to somebody else, as only FEs do (%d)", a.Status))
		return outcome.NodeLost
	}
	said := outcome.ReadAnswer(a.Status, a.body)
	event := x.event(said)
	x.begun = x.begun || event != outcome.Leaving && event != outcome.ExistsRunning && event != outcome.ExistsFinished
	switch event {
	case outcome.Leaving, outcome.NodeLost:
		x.nodeLost(fmt.Errorf("it answered %s", shown(said.Message)))
	case outcome.Doubtful:
		x.blame(x.to.Name, errors.New(shown(said.Message)))
	default:
		x.server.avoided.remove(x.to.Address)
	}
	return event
}

// nodeLost notes that a node did not take the load, or was lost.
func (x *exchange) nodeLost(err error) {
	if x.gone() {
		return
	}
	x.tried[x.to.Address] = true
	x.server.avoided.add(x.to.Address)
	x.blame(x.to.Name, err)
}

// choose sees to it that the node which an FE has named is not one that has just failed, or is known to be about to go, as far as others may take the load. It tells whether to go on.
func (x *exchange) choose() bool {
	failed := x.tried[x.to.Address]
	begins := x.is.Kind == route.Load || x.is.Kind == route.Begin // others belong to their node
	leaves := begins && x.isNodeLeaving(x.to.Name)
	if !failed && !leaves && !x.server.avoided.has(x.to.Address) {
		return true
	}
	if other, ok := x.another(); ok && leaves { // FEs do not know it yet, or do not mind
		x.to = other
		return true
	}
	if begins && x.redone < fewestTries { // FEs name one after the other
		x.redone++
		return x.wait(time.Duration(x.redone)*firstRetry/2, nil) && false
	}
	if other, ok := x.another(); ok {
		x.to = other
		return true
	}
	return !failed || x.wait(firstRetry, x.server.cluster.Changed())
}

// isNodeLeaving tells whether a BE or CN is to get nothing new.
func (x *exchange) isNodeLeaving(name string) bool {
	for _, n := range x.server.cluster.Nodes() {
		if strings.EqualFold(n.name(), name) {
			return n.Leaving || !n.Alive
		}
	}
	return false
}

// any tells whether the load may go to any BE: not where a transaction belongs to one, or where FEs choose among nodes by what Segue does not see: warehouses, and in Doris
// resource tags and compute groups.
func (x *exchange) any() bool {
	return x.is.Kind == route.Load && x.is.Warehouse == "" && !x.is.Merged && x.options.flavor() == route.StarRocks
}

// another is a node, of the same kind as the one that an FE has named, which has not failed.
func (x *exchange) another() (route.Target, bool) {
	if !x.any() {
		return route.Target{}, false
	}
	nodes, known := x.server.cluster.Nodes(), x.known()
	compute := false
	for _, n := range nodes {
		if n.name() == x.to.Name {
			compute = n.Compute
		}
	}
	if compute {
		return route.Target{}, false // of which warehouse each is, is not known
	}
	for i := range nodes {
		n := nodes[(i+int(x.turn%uint64(len(nodes))))%len(nodes)]
		if !n.Alive || n.Leaving || n.Compute {
			continue
		}
		to, err := known.Reach(n.name())
		if err == nil && !x.tried[to.Address] && !x.server.avoided.has(to.Address) {
			to.URI, to.TLS = x.to.URI, x.to.TLS
			return to, true
		}
	}
	return route.Target{}, false
}

// endNode ends what there is of an attempt.
func (x *exchange) endNode() {
	x.dropReply()
	if x.node != nil {
		x.node.close()
		x.node = nil
	}
}

// dropReply gives an answer up.
func (x *exchange) dropReply() {
	if x.reply != nil {
		x.reply.from.close()
		x.reply = nil
	}
}

// shown is what a stranger said, fit for a line of a log.
func shown(text string) string { return wire.Shown(text, wire.MaxShown) }
