package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// keeps is what is known of a session beside what its tracker knows: what its backend has been asked.
type keeps struct {
	track.Replay
	states string // TiDB's own account of the session, in place of what is in Replay
	// collation and results are what that account has wrong of collation_connection and character_set_results, as SQL literals; "" for nothing.
	collation, results string
	token              *client.Credential // a session token of TiDB's
	collations         string             // MariaDB's character_set_collations, as a literal; "": it has not been asked for
}

// askCollations asks for it.
func (k *keeps) askCollations(q *inquest) []turn {
	answer := q.table()
	return []turn{
		say(select1(answer, q.query([]string{"CAST(CONVERT(@@session.character_set_collations USING utf8mb4) AS BINARY)"}, 1))),
		func(wire.Status) ([]client.Command, error) {
			row, err := oneRow(answer, 1)
			if err == nil {
				k.collations = textLiteral(row[0])
			}
			return nil, err
		},
	}
}

// askTiDB has TiDB describe the session and, if token is set, hand out a token to log in with.
//
// https://github.com/pingcap/tidb/blob/master/docs/design/2022-07-20-session-manager.md
func (k *keeps) askTiDB(ext uint32, token bool) []turn {
	sets, states := &client.Table{Ext: ext}, &client.Table{Ext: ext}
	// What SET SESSION_STATES makes of the collation is the default of its character set.
	rules := select1(sets, "SELECT "+inASCII("@@collation_connection")+", "+inASCII("@@character_set_results")+" LIMIT 1")
	show := select1(states, "SHOW SESSION_STATES")
	rules.Lenient, rules.Eager, show.Eager = true, true, true // the client waits, and an answer of less than a row shows
	return []turn{
		say(rules, show),
		func(wire.Status) ([]client.Command, error) {
			row, err := oneRow(sets, 2)
			if err != nil {
				return nil, err
			}
			k.collation, k.results = textLiteral(row[0]), ""
			results := string(row[1])
			if results == "" || results == "utf8mb4" {
				return nil, nil
			}
			// The description has been converted into that, as far as it went.
			k.results = textLiteral(row[1])
			*states = client.Table{Ext: ext}
			again := show
			again.Eager, again.Lenient = false, true // the session is to be again what its client has made of it
			return []client.Command{client.Query("SET character_set_results = 'utf8mb4'"), again, client.Query("SET character_set_results = " + k.results)}, nil
		},
		func(wire.Status) ([]client.Command, error) {
			row, err := oneRow(states, 2)
			switch {
			case err != nil:
				return nil, err
			case len(row[0]) == 0:
				return nil, errors.New("SHOW SESSION_STATES: it is empty")
			}
			k.states = quote(row[0])
			if !token {
				return nil, nil
			}
			if len(row[1]) == 0 {
				return nil, &endError{Refused, errors.New("no credential, and no session token: set session-token-signing-cert and -key on every TiDB server")}
			}
			k.token = client.Token(row[1])
			return nil, nil
		},
	}
}

func select1(t *client.Table, text string) client.Command {
	return client.Command{Command: wire.ComQuery, Text: text, Take: t.Take}
}

// oneRow is the one row that a question is to be answered by.
func oneRow(t *client.Table, columns int) ([]client.Value, error) {
	if len(t.Rows) != 1 || len(t.Rows[0]) != columns {
		return nil, errors.New("a question of Segue's own was not answered by one row")
	}
	return t.Rows[0], nil
}

// quote writes v as an SQL string for a session whose sql_mode is empty.
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

// replay rebuilds a session on a connection that has just been logged in.
type replay struct {
	bag      *luggage
	prepared []client.Prepared
	turns    []turn
	limit    *client.Table // nil: the session's is not asked for
	settings int           // how many commands of the turn that prepares statements come before those that do,
	prepares int           // … and how many these are
}

// preparation is which of the scripts prepares statements, from 1 on: the check before it asks nothing.
const preparation = 2

// errOtherModes: the server reads texts, the client's that are to come among them, otherwise than the one before.
var errOtherModes = &replayError{errors.New("rebuild session: the server reads texts by another sql_mode: NO_BACKSLASH_ESCAPES or ANSI_QUOTES is the global one of some servers only")}

// errOtherRelease: the server is of a release in which character sets have other collations, and cannot be told.
var errOtherRelease = &replayError{errors.New("rebuild session: the server knows no character_set_collations, by which the session's character sets have their collations")}

// newReplay makes a replay. begin is a statement that comes before all others, "" for none.
func newReplay(bag *luggage, cred *client.Credential, flavor backend.Flavor, begin string) *replay {
	r := &replay{bag: bag}
	if bag.states != "" {
		r.turns = []turn{say(bag.compared(append([]client.Command{trial}, bag.restore()...))...)}
		return r
	}
	var first []client.Command
	if become := cred.Becomes(); become != "" {
		first = append(first, client.Query(become))
	}
	first = append(first, trial)
	if begin != "" {
		first = append(first, client.Query(begin))
	}
	if bag.Wrote && oneByOne(flavor) {
		// What the session has created may not have reached this FE. SYNC waits until it has replayed the leader's journal.
		first = append(first, client.Command{Command: wire.ComQuery, Text: "SYNC", Lenient: true})
	}
	if bag.late && bag.Database != "" {
		first = append(first, client.Command{Command: wire.ComInitDB, Text: bag.Database, Lenient: bag.lost})
	}
	// What is read by the session's rules follows once the server is known to have them.
	ruled := r.queries(flavor, bag.Statements[bag.Plain:bag.Texts])
	r.settings = len(ruled)
	prepare := r.prepare(bag.Statements[bag.Texts:bag.Values])
	r.prepares = len(prepare)
	plain, values := append(first, r.queries(flavor, bag.Statements[:bag.Plain])...), r.queries(flavor, bag.Statements[bag.Values:])
	if len(ruled)+len(prepare)+len(values) == 0 {
		r.turns = []turn{say(bag.compared(plain)...), r.check, r.autocommits}
		return r
	}
	locks := &client.Table{Ext: bag.ext}
	if len(prepare) > 0 && flavor == backend.MySQL {
		plain = append(plain, askLockWait(locks, flavor))
	}
	r.turns = []turn{say(plain...), r.check, func(status wire.Status) ([]client.Command, error) {
		shorten, restore := lockWait(locks)
		commits, err := r.autocommits(status)
		r.settings += len(commits) + len(shorten)
		return bag.compared(slices.Concat(commits, shorten, ruled, prepare, restore, values)), err
	}, r.checkPrepared}
	return r
}

// To prepare a statement a server waits for the locks of others on its tables, for a day or a year if they hold them as long. So it is told to wait for a second,
// which is the shortest that all take.

// askLockWait asks for how long the session's statements wait.
func askLockWait(t *client.Table, flavor backend.Flavor) client.Command {
	q := inquest{flavor: flavor}
	c := select1(t, q.query([]string{inASCII("@@session.lock_wait_timeout")}, 1))
	c.Lenient = true
	return c
}

// lockWait are the statements that make them wait for a second, and as long as before; none if that is not known.
func lockWait(t *client.Table) (shorten, restore []client.Command) {
	row, err := oneRow(t, 1)
	if err != nil || number(row[0], false) == "" {
		return nil, nil
	}
	const set = "SET lock_wait_timeout="
	return []client.Command{client.Query(set + "1")}, []client.Command{client.Query(set + number(row[0], false))}
}

// codeLockWait is ER_LOCK_WAIT_TIMEOUT.
const codeLockWait = 1205

// locked reports whether what a server has refused waited for somebody else's lock.
func (r *replay) locked(err error) bool {
	refusal, is := errors.AsType[*client.Refusal](err)
	return is && refusal.Said.Code == codeLockWait
}

// compared adds the question what the session has become.
func (l *luggage) compared(list []client.Command) []client.Command {
	if l.like == nil {
		return list
	}
	return append(list, l.like.again())
}

// check is an error if the server does not read texts as the one before.
func (r *replay) check(status wire.Status) ([]client.Command, error) {
	if !r.bag.Fits(status) {
		return nil, errOtherModes
	}
	return nil, nil
}

// autocommits has the server commit as the one before.
func (r *replay) autocommits(status wire.Status) ([]client.Command, error) {
	if text := r.bag.Autocommits(status); text != "" {
		return []client.Command{client.Query(text)}, nil
	}
	return nil, nil
}

// checkPrepared is an error if the server has prepared something else than the one before.
func (r *replay) checkPrepared(wire.Status) ([]client.Command, error) {
	for i := range r.prepared {
		if got, want := r.prepared[i].NumParams, r.bag.Prepared[i].Params; r.prepared[i].StatementID != 0 && got != want {
			return nil, &client.Error{Kind: client.Malformed, Err: fmt.Errorf("rebuild session: prepared statement %d has %d parameters, and had %d", i+1, got, want)}
		}
	}
	return nil, nil
}

// queries runs statements: in one command where each would cost a round trip, as an FE takes them whatever the client said it can.
func (r *replay) queries(flavor backend.Flavor, statements []string) (list []client.Command) {
	if oneByOne(flavor) && len(statements) > 1 {
		return []client.Command{client.Query(strings.Join(statements, ";\n"))}
	}
	for _, text := range statements {
		list = append(list, client.Query(text))
	}
	return list
}

// prepare prepares the statements that the session has prepared, texts by text.
func (r *replay) prepare(texts []string) (list []client.Command) {
	for _, text := range texts {
		list = append(list, client.Command{Command: wire.ComQuery, Text: text, Lenient: r.bag.fewer})
	}
	r.prepared = make([]client.Prepared, len(r.bag.Prepared))
	for i, p := range r.bag.Prepared {
		list = append(list, client.Command{Command: wire.ComStmtPrepare, Text: p.Text, Take: r.prepared[i].Take, Lenient: r.bag.fewer})
	}
	return list
}

// stale reports whether what a server has refused is to prepare a statement that another one had prepared: a table of it may be gone by now.
func (r *replay) stale(err error, script int) bool {
	var refusal *client.Refusal
	return errors.As(err, &refusal) && script == preparation && refusal.Index >= r.settings && refusal.Index < r.settings+r.prepares && !client.SpeaksOfServer(refusal.Said)
}

// ids are those of the prepared statements, 0 for one that has not been prepared; nil if they have kept theirs.
func (r *replay) ids() (ids []uint32) {
	if r.prepared != nil {
		ids = make([]uint32, 0, len(r.prepared)) // none is something else than nil
	}
	for i := range r.prepared {
		ids = append(ids, r.prepared[i].StatementID)
	}
	return ids
}

// trialText is the first statement on a new connection. A login's OK does not say that a statement will run: not with a password that has
// expired (1820; SET is allowed even then), nor with an init_connect that fails (1184).
const trialText = "SELECT 1"

var trial = client.Query(trialText)

// restore gives the statements that rebuild a session from TiDB's own account of it. That is a literal of text, read by rules that are
// set before and which it then sets as the session's were.
func (l *luggage) restore() []client.Command {
	list := []client.Command{
		client.Query("SET NAMES utf8mb4"), client.Query("SET sql_mode = ''"), client.Query("SET SESSION_STATES " + l.states),
		client.Query("SET collation_connection = " + l.collation),
	}
	if l.results != "" {
		list = append(list, client.Query("SET character_set_results = "+l.results))
	}
	for _, text := range l.Statements { // of roles it says nothing
		if len(text) > len("SET ROLE") && strings.EqualFold(text[:len("SET ROLE")], "SET ROLE") {
			list = append(list, client.Query(text))
		}
	}
	return list
}

// failed says that a server refused a statement that another server had accepted. Its text may hold the statement's, and
// is not repeated. Where that is the first, the server has let the client in, and then runs nothing for it.
func (r *replay) failed(err error, script int, becomes bool) error {
	var refusal *client.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	first := 0
	if becomes && r.bag.states == "" {
		first = 1
	}
	if refusal.Index == first && script == 1 {
		switch {
		case client.SpeaksOfServer(refusal.Said):
			return &client.Error{Kind: client.ServerError, Err: refusal.Said}
		case refusal.Said.Code == codeParse: // an FE says so when it has no backends: another one may have some
			return &replayError{&untriedError{refusal.Said}}
		}
		return &endError{Refused, &untriedError{refusal.Said}}
	}
	return &replayError{fmt.Errorf("rebuild session: the server refused what another had accepted: ERROR %d (%s)", refusal.Said.Code, refusal.Said.State)}
}

// replayError says that a backend refuses what rebuilds the session: that says nothing of its health.
type replayError struct{ error }

// Unwrap gives the cause.
func (e *replayError) Unwrap() error { return e.error }

// untriedError is what a server said to the first statement behind a login that it had accepted.
type untriedError struct{ error }

// Error implements error.
func (e *untriedError) Error() string {
	return "the login was accepted, and no statement is: " + e.error.Error()
}

// Unwrap gives the ERR_Packet.
func (e *untriedError) Unwrap() error { return e.error }

// trackOptions are those of a session whose client said r and whose backend greeted with g.
func trackOptions(r *wire.HandshakeResponse41, g *wire.HandshakeV10, flavor backend.Flavor) track.Options {
	o := track.Options{
		Capabilities:    r.Capabilities & g.Capabilities,
		ExtCapabilities: r.ExtCapabilities() & g.ExtCapabilities,
		AnswersLongData: flavor.IsFE(),
		Database:        r.Database,
		Collation:       uint16(r.Charset),
		User:            r.Username,
	}
	if witnessed(flavor) {
		if more := client.Witness(r, g); more != 0 {
			o.Capabilities, o.Witness = o.Capabilities|more, true
		}
	}
	switch flavor {
	case backend.StarRocks:
		o.Dialect = track.StarRocks
	case backend.Doris:
		o.Dialect = track.Doris
	case backend.TiDB:
		o.Dialect, o.Version = track.TiDB, track.TiDBVersion(g.ServerVersion)
	default:
		o.Dialect, o.Version = track.DialectOf(g.ServerVersion, g.Capabilities)
	}
	return o
}
