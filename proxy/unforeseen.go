package proxy

import (
	"bytes"
	"errors"
	"strconv"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// What triggers, stored functions and procedures have done to a session shows in no text. Before a session moves its backend is asked for what the texts of
// statements may not have told: which user variables there are, and with what values; and, where it has said that something has changed but not what, for that.

// errUnseen keeps a session where it is.
var errUnseen = errors.New("the server has said that something of the session has changed, and does not tell what")

// unforeseen are the questions for it.
type unforeseen struct {
	s      *session
	ok     []byte // the answer to tellsAll
	listed client.Table
	fired  client.Table
}

// tellsAll changes nothing: with its OK_Packet MariaDB tells all that it has not told yet of the system variables that it tracks, autocommit among them as a
// rule, and of the database. Behind a result to a client without CLIENT_DEPRECATE_EOF, and behind an error, there is no room for it.
const tellsAll = "SET autocommit=@@session.autocommit"

// askUnforeseen are the questions for what the session may have become unseen; none if nothing has run that could have done anything.
func (s *session) askUnforeseen() []turn {
	if s.w.server.options().Flavor != backend.MySQL || !s.track.Stirred() && !s.track.Hinted() && !s.track.Suspect() && !s.track.Fired() {
		return nil
	}
	u := &unforeseen{s: s}
	u.listed.Ext = s.who.hello.Response().ExtCapabilities()
	u.fired.Ext = u.listed.Ext
	return []turn{u.ask, u.answered}
}

// ask implements turn.
func (u *unforeseen) ask(wire.Status) (list []client.Command, err error) {
	if u.s.track.Capabilities().Has(wire.ClientSessionTrack) {
		list = append(list, client.Command{Command: wire.ComQuery, Text: tellsAll, Lenient: true, Take: func(part client.Part, payload []byte) error {
			if part == client.First {
				u.ok = bytes.Clone(payload)
			}
			return nil
		}})
	}
	if u.s.track.Fired() {
		q := &inquest{flavor: backend.MySQL}
		text := q.selects([]string{inASCII("VARIABLE_VALUE")}, 1, " FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME='EXECUTED_TRIGGERS'")
		list = append(list, client.Command{Command: wire.ComQuery, Text: text, Take: u.fired.Take, Lenient: true, Eager: true})
	}
	return append(list, client.Command{Command: wire.ComQuery, Text: u.list(), Take: u.listed.Take, Lenient: true, Eager: true}), nil
}

// list is the question for the user variables. An account may not be allowed to ask, or the table not be there.
func (u *unforeseen) list() string {
	const value = "CAST(IF(LENGTH(VARIABLE_VALUE)>256, NULL, VARIABLE_VALUE) AS BINARY)"
	q := &inquest{flavor: backend.MySQL}
	if u.s.track.Dialect() == track.MariaDB {
		return q.selects([]string{"CAST(VARIABLE_NAME AS BINARY)", value, "CAST(VARIABLE_TYPE AS BINARY)", "CAST(CHARACTER_SET_NAME AS BINARY)"}, maxVariables, " FROM information_schema.USER_VARIABLES")
	}
	return q.selects([]string{"CAST(VARIABLE_NAME AS BINARY)", value, "NULL", "NULL"}, maxVariables,
		" FROM performance_schema.user_variables_by_thread WHERE THREAD_ID=(SELECT THREAD_ID FROM performance_schema.threads WHERE PROCESSLIST_ID=CONNECTION_ID())")
}

// maxVariables bounds the user variables that are asked for: a server takes no more columns in one SELECT.
const maxVariables = 1000

// answered takes the answers. What has to be asked for after that is the tracker's.
func (u *unforeseen) answered(wire.Status) ([]client.Command, error) {
	t := &u.s.track
	if t.Fired() {
		row, err := oneRow(&u.fired, 1)
		if err != nil {
			return nil, errUnseen
		}
		n, err := strconv.ParseUint(string(row[0]), 10, 64)
		if t.Executed(n, err == nil); t.Fired() {
			return nil, errUnseen
		}
	}
	told, more := t.Told(u.ok)
	if t.Hinted() && !told {
		return nil, errUnseen
	}
	switch n := len(u.listed.Rows); {
	case len(u.listed.Columns) != 4 && (more && t.Hinted() || t.Suspect()), n == maxVariables:
		return nil, errUnseen
	case len(u.listed.Columns) != 4:
		return nil, nil
	}
	list := make([]track.UserVariable, 0, len(u.listed.Rows))
	for _, row := range u.listed.Rows {
		list = append(list, track.UserVariable{Name: row[0], Value: row[1], Type: string(row[2]), Charset: string(row[3])})
	}
	if !t.Listed(list) {
		return nil, errors.New("the server knows a user variable by a name that is in another character set than the client's")
	}
	return nil, nil
}
