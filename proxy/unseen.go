package proxy

import (
	"segue/proxy/ledger"
)

// unseen are failures of one kind of one backend, behind which another attempt was to follow. Whether the client sees anything of them shows in the end: it is
// let in by another backend, or it is told of them all.
type unseen struct {
	kind    ledger.Kind
	backend string
	err     error // the latest
	times   int
}

// conceal notes a failure that the client has not seen yet.
func (c *connecting) conceal(kind ledger.Kind, backend string, err error) {
	for i := range c.unseen {
		if u := &c.unseen[i]; u.kind == kind && u.backend == backend {
			u.err = err
			u.times++
			return
		}
	}
	c.unseen = append(c.unseen, unseen{kind, backend, err, 1})
}

// concealed enters the failures that the client will not see any more.
func (c *connecting) concealed() {
	for _, u := range c.unseen {
		for range u.times {
			c.s.hidden(u.kind, ledger.Retried, u.backend, u.err)
		}
	}
	c.unseen = nil
}
