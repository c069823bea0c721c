package track

import (
	"unique"

	"segue/proxy/wire"
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
	kind      opKind
	pins      pins
	key       text
	text      text
	setting   flavor   // of opSet
	backslash bool     // of opSQLMode: NO_BACKSLASH_ESCAPES
	inner     *verdict // of opPrepare: what the statement prepared will do
}

type opKind uint8

const (
	opSet          opKind = iota // a setting
	opAsk                        // the setting key has a value that only the server knows; text is the expression
	opAskInsertID                // the same of LAST_INSERT_ID()
	opSQLMode                    // pins is what the new sql_mode needs unless the server's flags tell of it
	opForgetRoles                // roles end
	opUse                        // text is the current database
	opCatalog                    // text is the statement that sets the current catalog
	opDropDatabase               // of the name text
	opPin                        //
	opUnpin                      //
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
)

// flavor says what kind of setting an opSet makes.
type flavor uint8

const (
	assignment flavor = iota // an item of SET
	wholeStatement
	relativeAssignment // made from the value before
	ifSet              // of opAsk: only if there is a setting of this key
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

func handle(b []byte) text { return unique.Make(string(b)) }
