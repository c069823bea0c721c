package track

import "math/bits"

// The reasons for which a session is pinned, a closed list.
const (
	PinTransaction     = "transaction"       // one is open
	PinCursor          = "cursor"            // a prepared statement has rows that have not been fetched
	PinLongData        = "long_data"         // parameter data sent ahead of the execution that uses it
	PinTemporaryTable  = "temporary_table"   // lives and dies with the connection
	PinUserLock        = "user_lock"         // GET_LOCK and its kin
	PinLockTables      = "lock_tables"       // LOCK TABLES, FLUSH TABLES WITH READ LOCK, LOCK INSTANCE, BACKUP STAGE
	PinHandler         = "handler"           // HANDLER … OPEN
	PinXA              = "xa"                // an XA transaction up to its XA COMMIT or XA ROLLBACK
	PinNextTransaction = "next_transaction"  // SET TRANSACTION without SESSION: holds for one transaction, which has not begun
	PinSavepoint       = "savepoint"         // set with autocommit off before the transaction has begun, which no flag tells
	PinOneShot         = "one_shot"          // a variable that the next statement uses up: insert_id, rand_seed1, gtid_next
	PinPrepareText     = "prepare_text"      // PREPARE from a variable, or under settings that have changed since
	PinPrepared        = "prepared"          // COM_STMT_PREPARE under another database or other settings than the current ones
	PinTooLarge        = "too_large"         // more than is kept, or a text too long to be
	PinUnparsed        = "unparsed_set"      // a statement that could hold state, in a form that is not understood
	PinUnknown         = "unknown_statement" // a statement that is not known here
	PinProcedure       = "procedure"         // CALL, a compound statement: what it did cannot be seen
	PinPartly          = "partly_failed"     // a statement of several failed, and what the others did cannot be asked for
	PinCharacterSet    = "character_set"     // gbk, sjis and the like: a second byte may look like a quote or a backslash
	PinUser            = "change_user"       // COM_CHANGE_USER to another user than the one that the session was logged in as
	PinDiagnostics     = "diagnostics"       // profiles, traces or counters are being taken of the session: SET profiling, optimizer_trace, FLUSH STATUS
	PinUnseen          = "unseen_state"      // a stored function, a trigger or a view has run whose text may hold state that nothing tells of, or cannot be read
	PinOption          = "set_option"        // COM_SET_OPTION has changed what the login said of multi-statements
)

// pins is a set of the reasons that statements bring about; the others have their own fields in State.
type pins uint32

const (
	pinTemporaryTable pins = 1 << iota
	pinUserLock
	pinServiceLock // of MySQL's locking service, which RELEASE_ALL_LOCKS does not know
	pinLockTables
	pinFlushTables // several ways to lock much, each with a way of its own to unlock
	pinLockInstance
	pinBackup
	pinBackupLock
	pinHandler
	pinXA
	pinNextTransaction
	pinSavepoint
	pinOneShot // never in held.pins: see held.shots
	pinPrepareText
	pinPrepared
	pinOverfull // more is held than is kept, or a prepared statement whose text is not: it ends once they are gone
	pinTooLarge
	pinUnparsed
	pinUnknown
	pinProcedure
	pinPartly
	pinCharacterSet
	pinUser
	pinOption
	pinDiagnostics
	pinUnseen
)

var pinNames = [...]string{
	PinTemporaryTable, PinUserLock, PinUserLock, PinLockTables, PinLockTables, PinLockTables, PinLockTables, PinLockTables, PinHandler, PinXA, PinNextTransaction, PinSavepoint, PinOneShot,
	PinPrepareText, PinPrepared, PinTooLarge, PinTooLarge, PinUnparsed, PinUnknown, PinProcedure, PinPartly, PinCharacterSet, PinUser, PinOption, PinDiagnostics, PinUnseen,
}

// lostWithBackend are the reasons that are gone once the backend is.
const lostWithBackend = pinTemporaryTable | pinUserLock | pinServiceLock | pinLockTables | pinFlushTables | pinLockInstance | pinBackup | pinBackupLock | pinHandler | pinXA |
	pinNextTransaction | pinSavepoint | pinOneShot | pinDiagnostics | pinUnseen

// kept are those that end a session no sooner than its backend does, as it lives on without what is behind them.
const kept = lostWithBackend | pinOverfull | pinTooLarge

// Lasting reports whether what pins the session is nothing that its client has under way (a transaction, a lock), but only that Segue does
// not know how to rebuild it: to wait for its end would be to wait for the session's.
func (s *State) Lasting() bool {
	if s.txn.open() || len(s.cursors) > 0 || len(s.longData) > 0 || s.held == nil {
		return false
	}
	h := s.held
	return h.pins != 0 && h.pins&kept == 0 && len(h.temps) == 0 && len(h.locks) == 0 && len(h.handlers) == 0 && len(h.shots) == 0
}

// name is that of the first reason in p, or empty.
func (p pins) name() string {
	if p == 0 {
		return ""
	}
	return pinNames[bits.TrailingZeros32(uint32(p))]
}

// names are those of all reasons in p, or empty.
func (p pins) names() (all string) {
	last := ""
	for ; p != 0; p &= p - 1 {
		if name := p.name(); name != last { // of one name are neighbors
			all, last = join2(all, name), name
		}
	}
	return all
}
