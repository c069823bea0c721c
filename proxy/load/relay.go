package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"segue/proxy/ledger"
	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// continuePatience is for how long an FE is waited for to say 100; not all do (RFC 9110, section 10.1.1).
const continuePatience = time.Second

// relay serves what is no load: it goes to an FE, and its answer back. It is sent again where that changes nothing, and to another FE where the first cannot be had.
func (x *exchange) relay() {
	x.takeOff()
	seen := true
	defer func() {
		x.server.land(x.flight)
		if len(x.failures) > 0 {
			x.enter(ledger.Retried, seen)
		}
	}()
	for !x.gone() {
		end := x.watch()
		fe, ok := x.nextFrontend()
		end()
		if !ok {
			break
		}
		switch err := x.relayTo(hop{fe.Name, fe.Address, x.target, fe.TLS}); {
		case err == nil:
			seen = x.reply == nil // it is what Segue has said itself
			return
		case errors.Is(err, errClientGone):
			x.client.close = true
			return
		case x.trouble != nil:
			x.leaveRelay()
			return
		case x.body.begun() || x.node != nil && x.node.whole && x.is.Repeat != route.Always:
			x.refuseRelay(http.StatusBadGateway, "the FE was lost before its answer, and it is not known whether it has done what it was asked for: "+x.cause)
			return
		}
	}
	switch {
	case x.gone():
		x.client.close = true
	default:
		if x.cause == "" {
			x.cause = "none is up"
		}
		x.refuseRelay(http.StatusServiceUnavailable, "no FE can be had: "+x.cause)
	}
}

// refuseRelay says in JSON what could not be done.
func (x *exchange) refuseRelay(status int, text string) {
	x.early()
	body, _ := json.Marshal(map[string]string{"status": "FAILED", "msg": "segue: " + shown(text)}) // of texts: it cannot fail
	x.client.write(status, "", head.Fields{}.With("Content-Type", "application/json"), append(body, '\n'))
}

// leaveRelay ends a request whose client's body was none.
func (x *exchange) leaveRelay() {
	x.client.close = true
	var bad *head.Error
	switch {
	case errors.As(x.trouble, &bad):
		x.refuse(bad.Status, bad.Text)
	case errors.Is(x.trouble, errStalled):
		x.refuse(http.StatusRequestTimeout, "the body stood still for longer than load.progress")
	}
}

// relayTo has an FE answer, and whom it names as the leader. An error: the client has got nothing.
func (x *exchange) relayTo(at hop) error {
	for range mostHops {
		x.endNode()
		u, err := x.connect(at.name, at.address, at.secure)
		if err != nil {
			x.frontendLost(at, err)
			return err
		}
		x.node, x.to = u, route.Target{Name: at.name, Address: at.address}
		a, err := x.exchangeWith(u, at.uri)
		switch {
		case x.trouble != nil:
			return x.trouble
		case x.gone():
			return errClientGone
		case errors.Is(err, errClientGone):
			return err
		}
		if err != nil {
			x.frontendLost(at, err)
			u.close()
			return err
		}
		next, err := x.leads(at, a)
		if err != nil {
			x.blame(at.name, err)
			x.refuseRelay(http.StatusBadGateway, err.Error())
			return nil
		}
		if next != nil {
			at = *next
			continue
		}
		return x.giveRelayed(at, a)
	}
	err := errors.New("FEs name one another as the leader")
	x.frontendLost(at, err)
	return err
}

// leads is whom an answer names, the leader or a node, where the request is to be sent there. A path alone, such as a page's, is the client's to follow.
func (x *exchange) leads(at hop, a *answer) (*hop, error) {
	location := a.Fields.Get("Location")
	if !strings.Contains(location, "://") || a.Status < 300 || a.Status >= 400 || !x.options.Follow {
		return nil, nil
	}
	to, err := x.known().Redirect(location)
	switch {
	case err != nil:
		return nil, err
	case x.body.begun() && x.body.kept == nil:
		return nil, fmt.Errorf("it names %s, but the body has been sent and is too long to be kept (load.buffer)", to.Name)
	case !to.Frontend:
		return &hop{to.Name, to.Address, to.URI, to.TLS}, nil
	}
	x.server.metrics.redirects.Inc()
	_, next := x.followLeader(at, to)
	if next == nil {
		return nil, errors.New(x.cause)
	}
	return next, nil
}

// giveRelayed gives the client what an FE has answered.
func (x *exchange) giveRelayed(at hop, a *answer) error {
	x.reply = a
	if a.Body.Length <= mostState && !a.Body.UntilClose {
		for !a.whole && len(a.body) < mostState {
			a.from.readWithin(x.options.Progress)
			part, err := a.next()
			if err != nil {
				x.frontendLost(at, err)
				return err
			}
			a.body = append(a.body, part...)
		}
	}
	if a.whole && x.is.Kind == route.State && outcome.ReadAnswer(a.Status, a.body).FrontendEvent() == outcome.FrontendLost {
		err := fmt.Errorf("it answered %d", a.Status)
		x.frontendLost(at, err)
		return err
	}
	x.server.avoided.remove(at.address)
	x.passReply()
	return nil
}

// exchangeWith sends a whole request, and waits for the answer's head.
func (x *exchange) exchangeWith(u *upstream, uri string) (*answer, error) {
	u.writeWithin(x.options.Progress)
	if _, err := u.Write(x.requestHead(x.host(), uri, x.req.Body, x.req.Expect || x.is.Streams)); err != nil {
		return nil, err
	}
	if x.noBody() {
		u.whole = true
		end := x.watch()
		defer end()
		u.readWithin(x.patience())
		if x.is.Repeat == route.Always {
			u.readWithin(max(askTime, x.options.Hold))
		}
		return u.readHead()
	}
	if x.is.Streams || x.req.Expect {
		if a, err := x.mayGoOn(u); a != nil || err != nil {
			return a, err
		}
		if !x.letSend() {
			return nil, errClientGone
		}
	}
	x.listenTo(u)
	if err := x.pump(u); err != nil {
		if fromClient(err) && !u.early.Load() {
			u.close()
			x.trouble = err
			return nil, err
		}
		x.body.broken = true
	}
	u.whole = true
	patience := x.patience()
	if x.body.broken {
		patience = earlyTime
	}
	x.client.resume()
	defer x.watch()()
	u.answersWithin(x.ctx, patience)
	return u.answer, u.err
}

// mayGoOn waits for a 100. An answer in its place is returned.
func (x *exchange) mayGoOn(u *upstream) (*answer, error) {
	u.readWithin(continuePatience)
	if x.is.Streams {
		u.readWithin(max(x.options.Budget, x.options.Hold))
	}
	for {
		a, err := u.readAnyHead()
		switch {
		case isTimeout(err) && !x.is.Streams && len(u.unread()) == 0:
			return nil, nil
		case err != nil || !a.Informational():
			return a, err
		case a.Status == http.StatusContinue:
			return nil, nil
		}
	}
}

// readErrorLog asks the node for the rows that it has filtered.
func (x *exchange) readErrorLog() {
	x.takeOff()
	defer func() { x.server.land(x.flight) }()
	to, err := x.reachLog()
	if err != nil && x.learn() {
		to, err = x.reachLog()
	}
	if err != nil {
		x.refuse(http.StatusForbidden, err.Error())
		return
	}
	x.target = x.is.URI
	if err := x.relayTo(hop{to.Name, to.Address, x.is.URI, false}); err != nil && !x.gone() {
		x.refuseRelay(http.StatusBadGateway, "the log cannot be had: "+x.cause)
	}
}

// reachLog says where the node is that has the log. Its name is the client's word, and BEs show their logs to whoever asks: no account goes along.
func (x *exchange) reachLog() (route.Target, error) {
	for _, name := range []string{"Authorization", "Cookie", "Token", "Auth-Token"} {
		x.fields = x.fields.Without(name)
	}
	return x.known().Log(x.is.Node)
}
