package health

import (
	"context"

	"segue/backend"
)

// checks are the checkers of one backend. Each of them runs one check at a time.
type checks struct {
	http       Checker
	bootstrap  Checker // nil: not this flavor
	mysql      Checker
	refuses    func(context.Context, *backend.Backend) bool // nobody listens on its ports
	speaksHTTP func(context.Context, *backend.Backend) bool // on its MySQL port
	close      func()
}

// newChecks makes the checkers of one backend. trip is told when the server closes its idle health connection. g is the
// backend's budget; it is used where the flavor needs one.
func newChecks(o Options, g *budget, trip func(cause error)) checks {
	h := NewHTTP(o.Flavor, trip)
	m := &MySQL{User: o.User, Password: o.Password, Trust: o.Trust}
	if o.frugal() {
		m.budget = g
	}
	m.counts = o.Flavor == backend.MySQL
	c := checks{http: h, mysql: m, refuses: refuses, speaksHTTP: speaksHTTP, close: func() {
		h.Close()
		m.Close()
	}}
	if o.Flavor == backend.StarRocks {
		c.bootstrap = h.Bootstrap()
	}
	return c
}

// frugal says whether a greeting leaves an unfinished handshake behind that the server counts.
func (o Options) frugal() bool { return o.Flavor == backend.MySQL && o.User == "" }

// sameChecks says whether newChecks would make the same checkers from both.
func (o Options) sameChecks(p Options) bool {
	return o.Flavor == p.Flavor && o.User == p.User && o.Password == p.Password && o.Trust == p.Trust
}
