package load

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

const (
	mostHops    = 4                      // redirects among FEs that are followed in a row
	firstPause  = 50 * time.Millisecond  // after all FEs have failed once
	longestStep = time.Second            // between two rounds
	leavingWait = 2 * time.Second        // before an FE that leaves is given a new load, since nobody else takes it
	askWait     = 2 * time.Second        // for the cluster to tell of a node that it was not known to have
	firstRetry  = 100 * time.Millisecond // before a node is tried once more that has failed
)

// asked is which FEs have been asked.
type asked struct {
	round map[string]bool // by address, in this round
	since time.Time       // when it began; zero: anew with the next
	pause time.Duration
}

// over begins anew: an FE has answered.
func (a *asked) over() { *a = asked{} }

// nextFrontend is which FE to ask next. It waits where all have been asked; false: the hold is over, or the client has gone.
func (x *exchange) nextFrontend() (Frontend, bool) {
	a := &x.asked
	if a.since.IsZero() {
		*a = asked{round: map[string]bool{}, since: time.Now(), pause: firstPause}
	}
	for {
		changed := x.server.cluster.Changed()
		for _, fe := range x.candidates() {
			if !a.round[fe.Address] {
				a.round[fe.Address] = true
				return fe, true
			}
		}
		left := x.options.Hold - time.Since(a.since)
		if left <= 0 || !x.wait(min(a.pause, left), changed) {
			return Frontend{}, false
		}
		clear(a.round)
		a.pause = min(2*a.pause, longestStep)
	}
}

// candidates are the FEs that may be asked, the best first.
func (x *exchange) candidates() []Frontend {
	all := slices.Clone(x.server.cluster.Frontends())
	if len(all) == 0 {
		return nil
	}
	turn := int(x.turn % uint64(len(all)))
	all = slices.Concat(all[turn:], all[:turn])
	leader := x.server.leader.get()
	rank := func(fe Frontend) int {
		switch {
		case fe.Leaving && !x.ends():
			return 4
		case x.is.Leader && fe.Address == leader:
			return 0
		case x.is.Leader && fe.Leader:
			return 1
		case fe.Leaving:
			return 3
		case x.server.avoided.has(fe.Address):
			return 3
		}
		return 2
	}
	patient := x.patient()
	all = slices.DeleteFunc(all, func(fe Frontend) bool { return !fe.Up || rank(fe) == 4 && patient })
	slices.SortStableFunc(all, func(a, b Frontend) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// patient tells whether another FE than one that leaves may still be waited for.
func (x *exchange) patient() bool {
	return !x.asked.since.IsZero() && time.Since(x.asked.since) < min(leavingWait, x.options.Hold/2)
}

// ends tells whether the request belongs to something that has been begun: an FE that leaves takes it still.
func (x *exchange) ends() bool {
	switch x.is.Kind {
	case route.TxnLoad, route.Prepare, route.Commit, route.Rollback, route.TwoPhase, route.State:
		return true
	default:
		return false
	}
}

// hop is an FE to be asked.
type hop struct {
	name, address, uri string
	secure             bool
}

// askFrontend asks one FE, and whom it names as the leader.
func (x *exchange) askFrontend() outcome.Event {
	x.endNode()
	x.flight.at(atFrontend)
	defer x.watch()()
	fe, ok := x.nextFrontend()
	if !ok {
		if x.cause == "" {
			x.cause = "no FE can be had"
		}
		return outcome.NoFrontend
	}
	next := hop{fe.Name, fe.Address, x.target, fe.TLS}
	for range mostHops {
		event, further := x.askOne(next)
		if further == nil {
			return event
		}
		next = *further
	}
	return x.frontendLost(next, errors.New("FEs name one another as the leader"))
}

// askOne asks an FE. Where it names the leader that one is to be asked.
func (x *exchange) askOne(at hop) (outcome.Event, *hop) {
	x.flight.set(func(l *Load) { l.Frontend = at.name })
	u, err := x.connect(at.name, at.address, at.secure)
	if err != nil {
		return x.frontendLost(at, err), nil
	}
	a, err := x.putTo(u, at.address, at.uri)
	if err != nil {
		u.close()
		if u.whole {
			x.servedBy(u, at)
			x.blame(at.name, err)
			return outcome.NodeLost, nil // it may have done what it was asked for
		}
		return x.frontendLost(at, err), nil
	}
	switch location := a.Fields.Get("Location"); {
	case a.Status == http.StatusContinue: // it takes the body itself
		x.servedBy(u, at)
		x.begun = true
		x.asked.over()
		return outcome.Redirected, nil
	case location != "" && a.Status >= 300 && a.Status < 400 && x.options.Follow:
		u.close()
		return x.follow(at, location)
	}
	return x.frontendSaid(at, a), nil
}

// putTo sends the head of the request to an FE, and what it has beside. It waits for the answer's head.
func (x *exchange) putTo(u *upstream, address, uri string) (*answer, error) {
	streams := x.is.Streams && x.small == nil
	u.writeWithin(x.options.Progress)
	body := x.req.Body
	if x.is.Streams && x.req.Method == http.MethodPost {
		body = head.Body{} // FEs take in the whole body of a POST before they look at it (StarRocksHttpPostObjectAggregator): they redirect it without one
	}
	if _, err := u.Write(append(x.requestHead(x.host(), uri, body, streams), x.small...)); err != nil {
		return nil, err
	}
	if !x.is.Streams {
		u.whole = true
		x.guard(u, func() bool { return x.isFrontendDown(address) })
		u.readWithin(x.patience())
		return u.readHead()
	}
	u.readWithin(max(x.options.Budget, x.options.Hold))
	for {
		a, err := u.readAnyHead()
		if err != nil || !a.Informational() || a.Status == http.StatusContinue && !x.noBody() {
			return a, err
		}
	}
}

// host is what the client calls whom it talks to: Doris decides by it which address of a node it names.
func (x *exchange) host() string {
	if host := x.req.Host(); host != "" {
		return host
	}
	if at, ok := x.client.LocalAddr().(*net.TCPAddr); ok {
		return at.String()
	}
	return "localhost" // by a UNIX socket, whose path is no host
}

// follow takes a redirect for what it is: whom to ask, or whom to send to.
func (x *exchange) follow(at hop, location string) (outcome.Event, *hop) {
	to, err := x.known().Redirect(location)
	if err != nil && x.learn() {
		to, err = x.known().Redirect(location)
	}
	switch {
	case err != nil:
		return x.frontendLost(at, err), nil
	case to.Frontend:
		x.server.metrics.redirects.Inc()
		return x.followLeader(at, to)
	}
	x.server.metrics.redirects.Inc()
	x.server.avoided.remove(at.address)
	x.asked.over()
	x.to, x.atNode, x.dead = to, true, false
	return outcome.Redirected, nil
}

// frontend is the FE that a redirect names, by the address that FEs know it by or by the one at which it is reached.
func (x *exchange) frontend(to route.Target) (Frontend, bool) {
	all := x.server.cluster.Frontends()
	if i := slices.IndexFunc(all, func(fe Frontend) bool { return fe.Address == to.Address || fe.Address == to.Name }); i >= 0 {
		return all[i], true
	}
	return Frontend{}, false
}

// servedBy notes that an FE does itself what it is asked for, as a node would.
func (x *exchange) servedBy(u *upstream, at hop) {
	x.node, x.to, x.atNode = u, route.Target{Name: at.name, Address: at.address}, false
}

// followLeader goes on with whom an FE names as the leader.
func (x *exchange) followLeader(at hop, to route.Target) (outcome.Event, *hop) {
	x.server.leader.set(to.Address)
	next := &hop{to.Name, to.Address, to.URI, to.TLS}
	if fe, ok := x.frontend(to); ok {
		if fe.Leaving && !x.ends() && x.patient() {
			x.cause = fe.Name + ": it leads, and is about to leave"
			x.server.leader.clear(fe.Address)
			return outcome.FrontendLost, nil
		}
		next.name, next.address, next.secure = fe.Name, fe.Address, fe.TLS // Locations say http, whatever an FE speaks
		x.server.leader.set(fe.Address)
	}
	if x.asked.round[next.address] && next.address != at.address && x.server.avoided.has(next.address) {
		return x.frontendLost(*next, errors.New("it leads, other FEs say, but it cannot be had")), nil
	}
	if x.asked.round == nil {
		x.asked.round = map[string]bool{}
	}
	x.asked.round[next.address] = true
	return 0, next
}

// frontendSaid takes an answer that is no redirect.
func (x *exchange) frontendSaid(at hop, a *answer) outcome.Event {
	x.reply = a
	if err := a.readAll(x.options.Progress); err != nil {
		x.dropReply()
		if !x.is.Streams {
			x.servedBy(a.from, at)
			x.blame(at.name, err)
			return outcome.NodeLost
		}
		return x.frontendLost(at, err)
	}
	said := outcome.ReadAnswer(a.Status, a.body)
	if !x.is.Streams { // it has done itself what it was asked for
		x.servedBy(a.from, at)
		event := x.event(said)
		if event == outcome.Leaving || event == outcome.NodeLost {
			x.frontendLost(at, fmt.Errorf("it answered %d %s", a.Status, shown(said.Message)))
		} else {
			x.asked.over()
		}
		return event
	}
	event := said.FrontendEvent()
	if event == outcome.FrontendLost {
		x.dropReply()
		return x.frontendLost(at, fmt.Errorf("it answered %d %s", a.Status, shown(said.Message)))
	}
	x.server.avoided.remove(at.address)
	x.asked.over()
	return event
}

// frontendLost notes that an FE could not be asked.
func (x *exchange) frontendLost(at hop, err error) outcome.Event {
	if x.gone() {
		return outcome.FrontendLost
	}
	x.server.avoided.add(at.address)
	x.server.leader.clear(at.address)
	x.blame(at.name, err)
	return outcome.FrontendLost
}

// known is who redirects may lead to.
func (x *exchange) known() route.Known {
	k := route.Known{Allowed: x.options.Nodes, Addresses: x.options.Addresses}
	for _, n := range x.server.cluster.Nodes() {
		k.Nodes = append(k.Nodes, n.name())
	}
	for _, fe := range x.server.cluster.Frontends() {
		k.Frontends = append(k.Frontends, fe.Address)
	}
	return k
}

// learn has the cluster be asked for nodes that are not known yet, and waits for that.
func (x *exchange) learn() bool {
	cluster, ok := x.server.cluster.(interface{ Ask() })
	if !ok {
		return false
	}
	changed := x.server.cluster.Changed()
	cluster.Ask()
	return x.wait(askWait, changed)
}
