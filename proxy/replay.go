package proxy

import (
	"errors"
	"fmt"
	"strings"

	"segue/backend"
	"segue/proxy/wire"
)

// replayer runs statements of Segue's own on a connection that no pump uses, and reads their answers.
type replayer struct {
	conn     *conn
	x        wire.Exchange
	oneByOne bool // the server promises no order to commands that come together (StarRocks): each waits for the one before
	attrs    bool // each COM_QUERY begins with attributes: CLIENT_QUERY_ATTRIBUTES
}

// newReplayer makes one for a connection on which these capabilities have been agreed upon.
func newReplayer(c *conn, caps wire.Capability, ext uint32, oneByOne bool) *replayer {
	r := &replayer{conn: c, oneByOne: oneByOne, attrs: caps.Has(wire.ClientQueryAttributes)}
	r.x.Negotiate(caps, ext)
	return r
}

// payload is what is sent of a command.
func (r *replayer) payload(c command) []byte {
	b := []byte{byte(c.command)}
	if r.attrs && c.command == wire.ComQuery {
		b = append(b, 0, 1) // no parameters, in one set
	}
	return append(b, c.text...)
}

// command is one command of Segue's own.
type command struct {
	command wire.Command
	text    string
	take    func(payload []byte, last bool) error // if set, is given each packet of the answer, valid for the call
	lenient bool                                  // an ERR_Packet is no failure
}

// replay rebuilds a session from its luggage and returns the ids of its prepared statements.
func (r *replayer) replay(bag *luggage, cred *credential, late bool, flavor backend.Flavor) (ids []uint32, err error) {
	var todo []command
	query := func(text string) { todo = append(todo, command{command: wire.ComQuery, text: text}) }
	statements := bag.Statements
	if bag.states != "" {
		query("SET SESSION_STATES " + bag.states)
		query("SET collation_connection = " + bag.collation)
		for _, text := range statements { // of roles it says nothing
			if len(text) > len("SET ROLE") && strings.EqualFold(text[:len("SET ROLE")], "SET ROLE") {
				query(text)
			}
		}
		return nil, r.run(todo)
	}
	if become := cred.becomes(); become != "" {
		query(become)
	}
	if bag.Wrote && (flavor == backend.StarRocks || flavor == backend.Doris) {
		// What the session has created may not have reached this FE. SYNC waits until it has replayed the leader's journal.
		todo = append(todo, command{command: wire.ComQuery, text: "SYNC", lenient: true})
	}
	if late && bag.Database != "" {
		todo = append(todo, command{command: wire.ComInitDB, text: bag.Database})
	}
	if r.oneByOne && len(statements) > 1 { // an FE takes several statements in one command whatever the client said it can
		statements = []string{strings.Join(statements, ";\n")}
	}
	for _, text := range statements {
		query(text)
	}
	for i, p := range bag.Prepared {
		ids = append(ids, 0)
		first := true
		todo = append(todo, command{command: wire.ComStmtPrepare, text: p.Text, take: func(payload []byte, _ bool) error {
			if !first {
				return nil
			}
			first = false
			var ok wire.StmtPrepareOK
			if err := ok.Decode(payload); err != nil {
				return err
			}
			if ok.NumParams != p.Params {
				return fmt.Errorf("prepared statement %d has %d parameters, and had %d", i+1, ok.NumParams, p.Params)
			}
			ids[i] = ok.StatementID
			return nil
		}})
	}
	return ids, r.run(todo)
}

// run runs commands in order, and stops at the first that fails.
func (r *replayer) run(todo []command) error {
	batch := len(todo)
	if r.oneByOne {
		batch = 1
	}
	for len(todo) > 0 {
		n := min(batch, len(todo))
		var b []byte
		for _, c := range todo[:n] {
			b, _ = wire.AppendPacket(b, 0, r.payload(c))
		}
		if _, err := r.conn.Write(b); err != nil {
			return &setupError{readKind(err), fmt.Errorf("rebuild session: %w", plain(err))}
		}
		for _, c := range todo[:n] {
			if err := r.answer(c); err != nil {
				return err
			}
		}
		todo = todo[n:]
	}
	return nil
}

// answer reads the answer to one command.
func (r *replayer) answer(c command) error {
	r.x.Begin(c.command)
	for {
		payload, seq, err := r.conn.reader.Next()
		if err != nil {
			return &setupError{readKind(err), fmt.Errorf("rebuild session: %w", plain(err))}
		}
		switch r.x.Server(wire.Packet{Len: len(payload), Seq: seq, Body: payload}) {
		case wire.Failed:
			if c.lenient {
				return nil
			}
			return replayFailed(payload)
		case wire.Done:
			return c.taken(payload, true)
		case wire.More:
			if err := c.taken(payload, false); err != nil {
				return &setupError{setupMalformed, err}
			}
		default:
			return &setupError{setupMalformed, errors.New("rebuild session: an answer of a shape that the command cannot have")}
		}
	}
}

func (c *command) taken(payload []byte, last bool) error {
	if c.take == nil {
		return nil
	}
	return c.take(payload, last)
}

// replayFailed says that a server refused a statement that another server had accepted. Its text may hold the statement's, and
// is not repeated.
func replayFailed(payload []byte) error {
	var e wire.Err
	if err := e.Decode(payload); err != nil {
		return &setupError{setupMalformed, err}
	}
	return &setupError{setupReplay, fmt.Errorf("rebuild session: the server refused what another had accepted: ERROR %d (%s)", e.Code, e.State)}
}
