package track

import "segue/backend/wire"

// transaction tells whether one is open. Servers that set SERVER_STATUS_IN_TRANS are believed; for those that never
// do (StarRocks sets neither it nor SERVER_STATUS_AUTOCOMMIT: MysqlServerStatusFlag.java; a newer one may set the
// latter alone) the words of the statements decide. Which kind a server is shows at its first transaction.
type transaction struct {
	flagged    bool    // by the server's last flags
	said       bool    // by the words of the statements
	flags      bool    // this server has set SERVER_STATUS_IN_TRANS: words count no more
	autocommit bool    // SERVER_STATUS_AUTOCOMMIT was set in its last flags
	bare       bool    // nothing has been said in it but BEGIN: see State.Dropped
	unsure     bool    // a statement failed that may have opened one: ERR_Packets carry no flags
	planned    planned // of SET TRANSACTION, while that pins
}

// planned is how far the transaction has come that SET TRANSACTION was about, by the server's flags.
type planned uint8

const (
	plannedSet     planned = iota // … and it is not known that none was open then
	plannedAwaited                // none is open
	plannedOpen                   // one has begun since
)

// settled notes the flags behind the answer to the very text that has set characteristics: where none is open, the next one is theirs.
func (t *transaction) settled() {
	if t.planned == plannedSet && !t.flagged {
		t.planned = plannedAwaited
	}
}

// used notes the flags of a successful answer, and reports whether the characteristics set by SET TRANSACTION are used up: a transaction has
// begun since and has ended. With autocommit one statement may use them up, and no flag tells; nor is every end one: SET autocommit=1
// commits, and MariaDB keeps them for the next transaction. So only COMMIT and ROLLBACK count, if the flags say the same.
func (t *transaction) used(e effect) bool {
	switch {
	case t.flagged && t.planned == plannedAwaited:
		t.planned = plannedOpen
	case t.flagged:
	case t.planned == plannedOpen && e&ends != 0:
		return true
	default:
		t.planned = plannedAwaited
	}
	return false
}

func (t *transaction) open() bool { return t.flagged || t.said || t.unsure }

// ok notes the flags of a successful answer and the effect of what it answered.
func (t *transaction) ok(status wire.Status, e effect) {
	t.unsure = false
	t.flagged = status.Has(wire.StatusInTrans)
	t.autocommit = status.Has(wire.StatusAutocommit)
	if t.flagged {
		t.flags = true
	}
	switch {
	case t.flags:
		t.said = false
	case e&begins != 0:
		t.said = true
	case e&ends != 0:
		t.said = false
	}
}

// failed notes that the answer was an ERR_Packet. What was open stays so: a server that has rolled back says so with
// its next flags. status are those that it has sent last: of several statements, behind one that succeeded.
func (t *transaction) failed(status wire.Status, e effect) {
	t.flags = t.flags || status.Has(wire.StatusInTrans)
	if t.flags {
		if e&several != 0 {
			t.flagged, t.autocommit = status.Has(wire.StatusInTrans), status.Has(wire.StatusAutocommit)
		}
		t.unsure = t.unsure || !t.autocommit && !t.flagged
		return
	}
	switch {
	case e&several != 0 && e&opened != 0: // some of it may have run
		t.said = true
	case e&several == 0 && e&rollsUp != 0:
		t.said = false
	}
}

// reset notes that the server has begun a new session.
func (t *transaction) reset() { t.said, t.unsure, t.bare = false, false, false }
