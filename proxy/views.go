package proxy

import (
	"strings"

	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/ledger"
)

// A view of MySQL's or MariaDB's may call a stored function, and that do anything: text does not tell. So the backend that is to run a statement
// again is asked, before it is, whether some name in it is that of a view. Nothing is remembered of the answer, which tomorrow may be another.

// viewCheck is that question; nil where there is nothing to ask.
type viewCheck struct {
	names  []string
	answer client.Table
	hidden bool // what the statement names cannot be told
}

// checkViews is the question about the statement that is to be run again. One that has run nowhere needs none.
func (s *session) checkViews() *viewCheck {
	if !s.stmt.again() || s.stmt.refusal != nil || s.stmt.electing || s.track.Settles(s.stmt.text) || s.w.server.options().Replay.Reads == ReadsAny {
		return nil
	}
	names, known := s.track.Relations(s.stmt.text)
	if known && len(names) == 0 {
		return nil
	}
	c := &viewCheck{names: names, hidden: !known}
	c.answer.Ext = s.who.hello.Response().ExtCapabilities()
	return c
}

// ask implements turn. All names are harmless in any session. Those of columns may be views' as well: that costs no more than an error that need
// not be.
func (c *viewCheck) ask(wire.Status) ([]client.Command, error) {
	text := "SELECT 1 FROM information_schema.TABLES WHERE TABLE_TYPE='VIEW' AND UPPER(TABLE_NAME) IN ('" + strings.Join(c.names, "','") + "') LIMIT 1"
	return []client.Command{{Command: wire.ComQuery, Text: text, Take: c.answer.Take, Lenient: true}}, nil
}

// mayDoMore reports whether the statement may do more than read.
func (c *viewCheck) mayDoMore() bool {
	return c != nil && (c.hidden || len(c.answer.Columns) != 1 || len(c.answer.Rows) > 0)
}

// refuseView tells the client that its statement was cut off, and is not run again.
func (s *session) refuseView(cause error) {
	seq := s.stmt.answerSeq() - 1
	s.stmt.forget(s.w)
	s.seen(ledger.LostStatement, cause)
	s.client.reply(seq, clientError("the backend was lost while the statement ran; its outcome is unknown: it is not run again, as it may read from a view that does more than read (replay.reads)"))
}
