package simulate

import (
	"bytes"
	"maps"
	"slices"
	"strconv"

	proto "segue/backend/wire"
)

// CLIENT_SESSION_TRACK: the server tells what has become of the session, stored functions included.

// caps are what the servers can do.
func (w *World) caps() proto.Capability {
	c := caps
	if w.plays(Tracking | Unflagged | Witness) {
		c |= proto.ClientSessionTrack
	}
	if w.plays(Infile) {
		c |= proto.ClientLocalFiles
	}
	return c
}

// more are the capabilities that a client has beyond the usual ones.
func (c *client) more() (more proto.Capability) {
	if c.w.plays(Tracking | Unflagged) {
		more |= proto.ClientSessionTrack
	}
	return more | c.w.caps()&proto.ClientLocalFiles
}

// The types of session_state_changes.
const (
	tellsVariable = 0
	tellsSchema   = 1
)

// assigns sets a system variable.
func (b *backConn) assigns(name, value string) {
	b.mem.System[name] = value
	if name == "time_zone" { // as session_track_system_variables has it
		b.tell(tellsVariable, proto.AppendLenencString(proto.AppendLenencString(nil, name), value))
	}
}

func (b *backConn) tell(kind byte, data []byte) {
	b.news = true
	b.told = proto.AppendLenencString(append(b.told, kind), data)
}

// tellsSchema says which database is the current one.
func (b *backConn) tellsSchema() {
	b.tell(tellsSchema, proto.AppendLenencString(nil, b.mem.Database))
}

// tells says what is to be said of the statement that has run. Behind rows, to a client without CLIENT_DEPRECATE_EOF, that is no more than that there is something, which
// is told with what is next to be told.
func (b *backConn) tells(r *result) {
	news := b.news && b.caps.Has(proto.ClientSessionTrack)
	switch b.news = false; {
	case r.err != nil || !news && b.caps.Has(proto.ClientSessionTrack):
	case r.columns != nil && !b.caps.Has(proto.ClientDeprecateEOF):
		if news {
			r.flags |= proto.StatusSessionStateChanged
		}
	case news:
		r.state, b.told = b.told, nil
	default:
		b.told = nil
	}
}

// tellsAutocommit follows a SET of autocommit to what it is.
func (b *backConn) tellsAutocommit() {
	b.tell(tellsVariable, proto.AppendLenencString(proto.AppendLenencString(nil, "autocommit"), [...]string{"OFF", "ON"}[b.status()/proto.StatusAutocommit&1]))
}

// variables are the user variables that a session has, as performance_schema lists them. In other worlds an account may not ask.
func (b *backConn) variables() *result {
	if !b.s.w.plays(Witness) {
		return sqlErr(1142, "42000", "SELECT command denied to user")
	}
	r := &result{columns: []value{{}, {}, {null: true}, {null: true}}}
	for _, name := range slices.Sorted(maps.Keys(b.mem.User)) {
		r.rows = append(r.rows, []value{text(name[1:]), text(b.mem.User[name].text), {null: true}, {null: true}})
		if b.mem.User[name].null {
			r.rows[len(r.rows)-1][1].null = true
		}
	}
	return r
}

// witnessed has a stored function change what no text tells. While nothing goes wrong nothing of it is lost.
func (c *client) witnessed(tag string, _ bool) *statement {
	if c.w.calm && c.d.one(2) {
		return c.hidden(tag, false)
	}
	return c.zones("q" + tag)
}

// tellsOf holds what an answer says of the session against what was to be told.
func (c *client) tellsOf(s *statement, state []byte) {
	if c.caps.Has(proto.ClientSessionTrack) && s.tells != "" && !bytes.Contains(state, []byte(s.tells)) {
		c.fail("the answer to %s says %q of the session, and not %q", s.tag, state, s.tells)
	}
}

// zone has a stored function set the time zone.
func (c *client) zone(tag string, _ bool) *statement {
	if !c.caps.Has(proto.ClientSessionTrack | proto.ClientDeprecateEOF) {
		return nil
	}
	s := c.zones("q" + tag)
	return s
}

func (c *client) zones(tag string) *statement {
	v := text("+0" + strconv.Itoa(c.d.IntN(10)) + ":00")
	return c.assigns(query(tag, "SELECT '"+tag+"', zone('"+v.text+"')"), "time_zone", v)
}
