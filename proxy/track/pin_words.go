package track

// Words say to a person what pins a session, and what ends it.
type Words struct {
	Is   string // what the session holds
	Ends string // what ends it, as an advice
}

// pinWords are for each reason.
var pinWords = map[string]Words{
	PinTransaction:     {"a transaction is open", "COMMIT or ROLLBACK; look for connections that are idle in a transaction, and for autocommit=0 in a pool"},
	PinCursor:          {"a cursor has rows that have not been fetched", "fetch or close them; without useCursorFetch or the like there are none"},
	PinLongData:        {"parameter data is there for an execution that has not come", "execute or reset the prepared statement"},
	PinTemporaryTable:  {"a temporary table lives with the connection", "DROP TEMPORARY TABLE as soon as it is not needed"},
	PinUserLock:        {"it holds a lock of GET_LOCK", "RELEASE_LOCK; do not keep one in a pool's connection"},
	PinLockTables:      {"tables, or the server, are locked", "UNLOCK TABLES, BACKUP STAGE END or the like"},
	PinHandler:         {"a HANDLER is open", "HANDLER … CLOSE"},
	PinXA:              {"an XA transaction is under way", "XA COMMIT or XA ROLLBACK"},
	PinNextTransaction: {"SET TRANSACTION waits for the transaction that it is for", "begin and end it; or SET SESSION TRANSACTION"},
	PinSavepoint:       {"a savepoint has been set outside a known transaction", "COMMIT or ROLLBACK"},
	PinOneShot:         {"a variable is set that the next statement uses up", "the statement that it was set for"},
	PinPrepareText:     {"PREPARE has taken its text from what is not known any more", "DEALLOCATE PREPARE"},
	PinPrepared:        {"a statement has been prepared under another database or other settings", "close the prepared statement"},
	PinTooLarge:        {"it holds more than is kept for a session", "close prepared statements; raise limits.statements_memory"},
	PinUnparsed:        {"a statement that may hold state is not understood", "COM_RESET_CONNECTION (a pool's reset), or the end of the session"},
	PinUnknown:         {"a statement is not known", "COM_RESET_CONNECTION (a pool's reset), or the end of the session"},
	PinProcedure:       {"a procedure has run, and what it did cannot be seen", "the end of the session: give CALLs a pool of their own whose connections live shortly"},
	PinPartly:          {"one of several statements has failed, and what the others did is not known", "COM_RESET_CONNECTION, or the end of the session"},
	PinCharacterSet:    {"its character set (gbk, sjis and the like) hides quotes", "SET NAMES utf8mb4"},
	PinUser:            {"COM_CHANGE_USER has made it another user's", "the end of the session"},
	PinDiagnostics:     {"profiles, traces or counters are taken of it", "SET profiling=0, or the end of the session"},
	PinUnseen:          {"a stored program has run that may hold state, or cannot be read", "the end of the session; deploy/docs/explanation/limits.md says which rights let Segue read it"},
	PinOption:          {"COM_SET_OPTION has changed it", "the end of the session"},
}

// Explain is what a reason means; empty for one that is not in the list.
func Explain(reason string) Words { return pinWords[reason] }
