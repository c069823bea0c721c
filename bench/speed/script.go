package main

import (
	"fmt"
	"slices"
	"time"

	"segue/backend/wire"
)

// varied are statements of several kinds that leave nothing behind in their session: a row, rows, settings, a prepared statement from
// beginning to end, a transaction, a command.
func varied() []workload {
	all := workloads()
	small, prepared, rows := all[0], all[1], all[2]
	done := answer{head: packet(1, ok)}
	text := func(statement string) workload { return workload{"varied", query(statement), done} }
	return []workload{
		small,
		rows,
		text("SET NAMES utf8mb4"),
		{"varied", prepare(), answer{head: preparation()}},
		prepared,
		{"varied", packet(0, []byte{byte(wire.ComStmtClose), preparedID, 0, 0, 0}), answer{}},
		text("BEGIN"),
		text("UPDATE sbtest1 SET k=k+1 WHERE id=5012"),
		text("COMMIT"),
		{"varied", packet(0, []byte{byte(wire.ComPing)}), done},
	}
}

// atOnce is how many connections are in the middle of a script at the same time, so that what is measured is what a session keeps.
const atOnce = 64

// play has each connection say a script, atOnce of them at a time, each as soon as it has the answer before.
func (l *load) play(script []workload) error {
	said := map[*client]int{}
	begun, playing, last := 0, 0, time.Now()
	for begun < len(l.order) || playing > 0 {
		for ; playing < atOnce && begun < len(l.order); begun++ {
			more, err := l.order[begun].say(script, said)
			if err != nil {
				return err
			}
			if more {
				playing++
			}
		}
		events, err := l.poller.wait(100)
		if err != nil {
			return err
		}
		now := time.Now()
		if len(events) > 0 {
			last = now
		} else if now.Sub(last) > silence { // a signal ends a wait, too
			return errSilent
		}
		for _, e := range events {
			more, err := l.heard(l.conns[socket(e.Fd)], script, said)
			if err != nil {
				return err
			}
			if !more {
				playing--
			}
		}
	}
	return nil
}

// heard reads what has come for a connection, and reports whether there is more to come.
func (l *load) heard(c *client, script []workload, said map[*client]int) (more bool, err error) {
	whole, err := c.receive(l.buf)
	if err != nil || !whole {
		return true, err
	}
	return c.say(script, said)
}

// say sends the next statement, and those before it that get no answer. It reports false at the end of the script.
func (c *client) say(script []workload, said map[*client]int) (more bool, err error) {
	for said[c] < len(script) {
		w := &script[said[c]]
		said[c]++
		if err := c.send(w, c.sent); err != nil {
			return false, fmt.Errorf("%s: %w", w.name, err)
		}
		if c.left > 0 {
			return true, nil
		}
	}
	return false, nil
}

// times is a script said so many times.
func times(script []workload, n int) []workload { return slices.Repeat(script, n) }
