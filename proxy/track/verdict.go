package track

import (
	"slices"
	"unique"

	"segue/backend/wire"
)

// text is an interned string: sessions of one pool share it.
type text = unique.Handle[string]

// verdict is what a statement, or the statements of one text, leave in the session once their answer says that they succeeded:
// operations on what the session holds, in order. Most statements have none.
type verdict struct {
	ops   []op
	modes bool // they change how the texts behind them are to be read

	prepare *prepared        // of COM_STMT_PREPARE: the statement
	user    *wire.ChangeUser // of COM_CHANGE_USER: the packet
}

// op is one change of what a session holds.
type op struct {
	kind     opKind
	pins     pins
	key      text
	text     text
	setting  flavor    // of opSet
	ansi     knowledge // of opSQLMode: what it makes of "…"
	slash    knowledge // … and of a backslash
	client   knowledge // of opCharset: it is one of the unicode ones; unknown: it may be one that cannot be read
	param    bool      // of opLock and opRelease: text is the first parameter
	midway   bool      // of opAsk: it happens row by row, before the statement may fail
	copies   copied    // of opAsk: the value is that of another variable
	from     text      // of opSQLMode and opCharset: the user variable that has the value
	sequence bool      // of opTemporary and opDrop: it is a sequence
	sure     bool      // of opAskInsertID, of what lifts, and of opExecute: it happens, whatever limit is set for the rows of a SELECT
	inner    *verdict  // of opPrepare: what the statement prepared will do
}

type opKind uint8

const (
	opSet          opKind = iota // a setting
	opAsk                        // the setting key has a value that only the server knows; text is the expression
	opAskInsertID                // the same of LAST_INSERT_ID()
	opSQLMode                    // sql_mode has become another
	opCharset                    // character_set_client has
	opForgetRoles                // roles end
	opUse                        // text is the current database
	opCatalog                    // text is the statement that sets the current catalog
	opDropDatabase               // of the name text
	opOneShot                    // key is a variable that the next statement uses up, text its value; sure: it is so no more
	opForget                     // the setting key is as in a new session; no key: all of system variables
	opPin                        //
	opUnpin                      //
	opSavepoint                  // one has been set, with a transaction or before it
	opTemporary                  // text is a temporary table
	opDrop                       // text is no longer one
	opLock                       // text is the name of a user lock
	opRelease                    //
	opReleaseAll                 //
	opHandler                    //
	opHandlerClose               //
	opPrepare                    // key names a statement prepared as text; text is the whole PREPARE
	opDeallocate                 //
	opExecute                    // the statement that key names
	opSequence                   // text is a sequence that has given a value
	opRestores                   // the variable key is what it was before, whatever the server says of it
)

// flavor says what kind of setting an opSet makes.
type flavor uint8

const (
	assignment flavor = iota // an item of SET
	wholeStatement
	relativeAssignment // made from the value before
	ifSet              // of opAsk: only if there is a setting of this key
	known              // its value has been read from the server, and is spelled so that it reads the same under all rules
	unwritable         // … and cannot be spelled so
)

// unsure is v where another reading of the text comes to other: what either says is noted, and that it is not certain.
func (v *verdict) unsure(other *verdict) *verdict {
	out := &verdict{modes: true}
	for _, x := range [...]*verdict{v, other} {
		if x == nil {
			continue
		}
		for _, o := range x.ops {
			if o.kind != opUnpin && !o.lifts() && !slices.ContainsFunc(out.ops, func(p op) bool { return o.same(&p) }) {
				out.ops = append(out.ops, o)
			}
		}
	}
	if n := len(out.ops); n == 0 || out.ops[n-1].kind != opPin || out.ops[n-1].pins != pinUnparsed {
		out.ops = append(out.ops, op{kind: opPin, pins: pinUnparsed})
	}
	return out
}

// same reports whether two verdicts say the same.
func same(a, b *verdict) bool {
	if a == nil || b == nil {
		return (a == nil || len(a.ops) == 0) && (b == nil || len(b.ops) == 0)
	}
	return a.modes == b.modes && slices.EqualFunc(a.ops, b.ops, func(x, y op) bool { return x.same(&y) })
}

func (o *op) same(p *op) bool {
	x, y := *o, *p
	x.inner, y.inner = nil, nil
	return x == y && same(o.inner, p.inner)
}

// copied is the variable that the value of another one has been taken from.
type copied uint8

const (
	notCopied copied = iota
	copiedMode
	copiedClient
)

// asked reports whether a living backend can be asked what op has come to, though its statement may have failed.
func (o *op) asked() bool {
	switch o.kind {
	case opSet:
		return o.setting != wholeStatement && askable(o.key.Value()) != ""
	case opAsk, opAskInsertID, opPin:
		return true
	default:
		return false
	}
}

// lifts reports whether op lifts a pin that the call of a function has brought about.
func (o *op) lifts() bool { return o.kind == opRelease || o.kind == opReleaseAll }

func handle(b []byte) text { return unique.Make(string(b)) }
