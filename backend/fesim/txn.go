package fesim

import (
	"context"
	"maps"

	"segue/backend/wire"
)

// begin opens an explicit transaction on the leader.
func (c *Cluster) begin(ctx context.Context) (uint64, error) {
	if err := c.awaitLeader(ctx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastTxn++
	c.txns[c.lastTxn] = nil
	return c.lastTxn, nil
}

// commit ends a transaction; its inserts take effect.
func (c *Cluster) commit(ctx context.Context, txn uint64) error {
	if err := c.awaitLeader(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	writes, ok := c.txns[txn]
	if !ok {
		return &wire.Err{Code: 5302, State: "25P01", Message: "Transaction does not exist"}
	}
	delete(c.txns, txn)
	c.apply(writes)
	return nil
}

// apply lets writes take effect. It needs c.mu.
func (c *Cluster) apply(writes []write) {
	for _, w := range writes {
		if w.def == nil {
			c.ledger[w.id]++
		} else {
			w.def.rows = append(w.def.rows, w.row)
		}
	}
}

// rollback ends a transaction without effect.
func (c *Cluster) rollback(txn uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.txns, txn)
}

// write is a row to be inserted into a table, or an id into the ledger.
type write struct {
	def *tableDef // nil: the ledger
	row []value
	id  string
}

// insert lets writes take effect, or adds them to the open transaction txn if it is not 0.
func (c *Cluster) insert(ctx context.Context, txn uint64, writes []write) error {
	if err := c.awaitLeader(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if txn == 0 {
		c.apply(writes)
		return nil
	}
	pending, ok := c.txns[txn]
	if !ok {
		return &wire.Err{Code: 5302, State: "25P01", Message: "Transaction does not exist"}
	}
	c.txns[txn] = append(pending, writes...)
	return nil
}

// setGlobal gives a variable another value for sessions to come.
func (c *Cluster) setGlobal(name string, v value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.globals = maps.Clone(c.globals) // sessions hold the old map
	c.globals[name] = v
}

// globalVariables returns what SET GLOBAL has given; the map is never changed.
func (c *Cluster) globalVariables() map[string]value {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.globals
}
