package proxy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"segue/backend"
	"segue/proxy/wire"
)

// askOld asks a backend that still serves for what only it knows of the session: TiDB for all of it, others for the
// values that the text of statements does not tell.
func (s *session) askOld(bag *luggage, deadline time.Time, flavor backend.Flavor) error {
	s.mu.Lock()
	open := s.track.Unresolved()
	asks := flavor == backend.TiDB || len(open) > 0
	if mute(s.lease.Backend()) && !s.needsOld() {
		asks = false // it would hang, and what Segue has seen of the session does
	}
	if asks && s.end == Open {
		_ = s.back.SetDeadline(deadline) // unless hurry sets another from here on
	} else if asks {
		_ = s.back.SetDeadline(past)
	}
	s.mu.Unlock()
	if !asks {
		return nil
	}
	return s.question(func(r *replayer, ext uint32) error {
		if flavor == backend.TiDB {
			return s.askTiDB(r, bag, ext)
		}
		return s.askValues(r, open, ext)
	})
}

// question asks the session's backend something that is not the client's, by ask, which gets the extended capabilities too. The session is
// Moving, so that nobody else uses the connection, whose deadline is set. A *spoiledError says that nobody can any more.
func (s *session) question(ask func(r *replayer, ext uint32) error) error {
	hello := s.hello.response()
	s.back.reader = wire.NewReader(s.back, maxState)
	err := ask(newReplayer(s.back, hello.Capabilities, hello.ExtCapabilities(), true), hello.ExtCapabilities())
	if failed := new(setupError); errors.As(err, &failed) && failed.kind != setupReplay {
		err = &spoiledError{err}
	}
	s.back.reader = nil
	s.deadline(s.back, time.Time{})
	return err
}

// spoiledError says that a connection has an answer to come that is not the client's, or is broken.
type spoiledError struct{ error }

func (e *spoiledError) Unwrap() error { return e.error }

// maxState bounds the answers that a session's state is read from.
const maxState = 4 << 20

// askValues asks for the values of expressions and has the tracker know them.
func (s *session) askValues(r *replayer, open []string, ext uint32) error {
	t := &table{ext: ext, caps: s.hello.response().Capabilities}
	if err := r.run([]command{{command: wire.ComQuery, text: "SELECT " + strings.Join(open, ", "), take: t.take}}); err != nil {
		return err
	}
	if len(t.rows) != 1 || len(t.rows[0]) != len(open) {
		return errors.New("not one row")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.track.Resolved(t.rows[0])
	return nil
}

// askTiDB has TiDB describe the session, and hand out a token to log in with where there is no other credential.
//
// https://github.com/pingcap/tidb/blob/master/docs/design/2022-07-20-session-manager.md
func (s *session) askTiDB(r *replayer, bag *luggage, ext uint32) error {
	t := &table{ext: ext, caps: s.hello.response().Capabilities, raw: true}
	if err := r.run([]command{{command: wire.ComQuery, text: "SHOW SESSION_STATES", take: t.take}}); err != nil {
		return err
	}
	if len(t.rows) != 1 || len(t.rows[0]) != 2 || t.rows[0][0] == "" {
		return errors.New("SHOW SESSION_STATES: not one row of two columns")
	}
	bag.states = quote([]byte(t.rows[0][0]))
	// What SET SESSION_STATES makes of this one is the default of its character set.
	c := &table{ext: ext, caps: t.caps}
	if err := r.run([]command{{command: wire.ComQuery, text: "SELECT @@collation_connection", take: c.take}}); err != nil {
		return err
	}
	if len(c.rows) != 1 || len(c.rows[0]) != 1 {
		return errors.New("SELECT @@collation_connection: not one value")
	}
	bag.collation = c.rows[0][0]
	if len(bag.creds) > 0 {
		return nil
	}
	if t.rows[0][1] == "" {
		return &endError{Refused, errors.New("no credential, and no session token: set session-token-signing-cert and -key on every TiDB server")}
	}
	bag.creds = []*credential{newToken([]byte(t.rows[0][1]))}
	return nil
}

// table takes a text result: each value as an SQL literal or, if raw is set, as it is.
type table struct {
	caps    wire.Capability
	ext     uint32
	raw     bool
	columns uint64 // 0: not known yet
	defs    []wire.ColumnDefinition41
	begun   bool // the rows have
	rows    [][]string
}

func (t *table) take(payload []byte, last bool) error {
	switch {
	case last:
		return nil
	case t.columns == 0:
		t.columns, _ = wire.LenencInt(payload)
	case uint64(len(t.defs)) < t.columns:
		var d wire.ColumnDefinition41
		if err := d.Decode(payload, t.ext); err != nil {
			return err
		}
		t.defs = append(t.defs, d)
	case !t.begun && !t.caps.Has(wire.ClientDeprecateEOF):
		t.begun = true // this is the EOF_Packet
	default:
		return t.row(payload)
	}
	return nil
}

func (t *table) row(payload []byte) error {
	var row []string
	for i := range t.defs {
		if len(payload) > 0 && payload[0] == 0xfb { // NULL
			payload = payload[1:]
			row = append(row, t.null())
			continue
		}
		v, n := wire.LenencString(payload)
		if n == 0 {
			return fmt.Errorf("row cut short in column %d", i+1)
		}
		payload = payload[n:]
		if t.raw {
			row = append(row, string(v))
		} else {
			row = append(row, literal(&t.defs[i], v))
		}
	}
	t.rows = append(t.rows, row)
	return nil
}

func (t *table) null() string {
	if t.raw {
		return ""
	}
	return "NULL"
}

// binaryCharset is the collation id of bytes without a character set.
const binaryCharset = 63

// literal writes a value as SQL of the same type.
func literal(d *wire.ColumnDefinition41, v []byte) string {
	switch d.Type {
	case wire.TypeTiny, wire.TypeShort, wire.TypeLong, wire.TypeLongLong, wire.TypeInt24, wire.TypeYear, wire.TypeDecimal, wire.TypeNewDecimal:
		return string(v)
	case wire.TypeFloat, wire.TypeDouble:
		if strings.ContainsAny(string(v), "eE") {
			return string(v)
		}
		return string(v) + "e0"
	default:
		if d.Charset == binaryCharset && len(v) > 0 && !plainText(v) {
			return "X'" + hex.EncodeToString(v) + "'"
		}
		return quote(v)
	}
}

// plainText reports whether v is printable ASCII: servers give such values, a variable that was never set among them, as binary too.
func plainText(v []byte) bool {
	for _, c := range v {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// quote writes v as an SQL string for a session whose SQL mode is the server's own.
func quote(v []byte) string {
	b := make([]byte, 0, len(v)+2)
	b = append(b, '\'')
	for _, c := range v {
		switch c {
		case '\'', '\\':
			b = append(b, '\\', c)
		case 0:
			b = append(b, '\\', '0')
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '\''))
}
