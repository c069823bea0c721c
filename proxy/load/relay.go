package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"segue/proxy/load/head"
	"segue/proxy/load/outcome"
	"segue/proxy/load/route"
)

// continuePatience is for how long an FE is waited for to say 100; not all do (RFC 9110, section 10.1.1).
const continuePatience = time.Second

// relay serves what is no load: it goes to an FE, and its answer back. It is sent again where that changes nothing, and to another FE where the first cannot be had.
func (x *exchange) relay() {
	x.takeOff()
	defer func() { x.server.land(x.flight) }()
	for !x.gone() {
		end := x.watch()
		fe, ok := x.nextFrontend()
		end()
		if !ok {
			break
		}
		switch err := x.relayTo(hop{fe.Name, fe.Address, x.target, fe.TLS}); {
		case err == nil:
			return
		case x.body.begun() || x.node != nil && x.node.whole && x.is.Repeat != route.Always:
			x.refuseRelay(http.StatusBadGateway, "the FE was lost before its answer, and it is not known whether it has done what it was asked for: "+x.cause)
			return
		}
	}
	switch {
	case x.gone():
		x.client.close = true
	case x.trouble != nil:
		x.leaveRelay()
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
		if x.trouble != nil {
			return x.trouble
		}
		if err != nil {
			x.frontendLost(at, err)
			u.close()
			return err
		}
		if next := x.leads(at, a); next != nil {
			at = *next
			continue
		}
		return x.giveRelayed(at, a)
	}
	err := errors.New("FEs name one another as the leader")
	x.frontendLost(at, err)
	return err
}

// leads is whom an answer names as the leader, if it does and all of the request can be sent there.
func (x *exchange) leads(at hop, a *answer) *hop {
	location := a.Fields.Get("Location")
	if location == "" || a.Status < 300 || a.Status >= 400 || x.body.begun() || !x.options.Follow {
		return nil
	}
	to, err := x.known().Redirect(location)
	if err != nil || !to.Frontend {
		return nil
	}
	x.server.metrics.redirects.Inc()
	_, next := x.followLeader(at, to)
	return next
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
	if _, err := u.Conn.Write(x.requestHead(x.host(), uri, x.req.Expect || x.is.Streams)); err != nil {
		return nil, err
	}
	if x.body.done() {
		u.whole = true
		end := x.watch()
		defer end()
		u.readWithin(x.patience())
		return u.readHead()
	}
	if x.is.Streams || x.req.Expect {
		if a, err := x.mayGoOn(u); a != nil || err != nil {
			return a, err
		}
		if x.req.Expect && !x.said {
			x.said = true
			if !x.client.send([]byte("HTTP/1.1 100 Continue\r\n\r\n")) {
				return nil, errClientGone
			}
		}
	}
	u.readWithin(0)
	u.listen(func() {
		x.client.interrupt()
		u.stopWriting()
	})
	if err := x.pump(u); err != nil {
		if fromClient(err) && !u.early.Load() {
			u.close()
			x.trouble = err
			return nil, err
		}
		x.body.broken = true
	}
	u.whole = true
	timer := time.NewTimer(x.patience())
	defer timer.Stop()
	select {
	case <-u.answered:
	case <-timer.C:
		_ = u.Conn.Close()
		<-u.answered
	}
	x.client.resume()
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
	to, err := x.known().Reach(x.is.Node)
	if err != nil && x.learn() {
		to, err = x.known().Reach(x.is.Node)
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
