package track

import "segue/proxy/wire"

// transaction tells whether one is open. Servers that set SERVER_STATUS_IN_TRANS are believed; for those that never
// do (StarRocks sets neither it nor SERVER_STATUS_AUTOCOMMIT: MysqlServerStatusFlag.java; a newer one may set the
// latter alone) the words of the statements decide. Which kind a server is shows at its first transaction.
type transaction struct {
	flagged    bool // by the server's last flags
	said       bool // by the words of the statements
	flags      bool // this server has set SERVER_STATUS_IN_TRANS: words count no more
	autocommit bool // SERVER_STATUS_AUTOCOMMIT was set in its last flags
	bare       bool // nothing has been said in it but BEGIN: see State.Dropped
	unsure     bool // a statement failed that may have opened one: ERR_Packets carry no flags
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
// its next flags.
func (t *transaction) failed(e effect) {
	if t.flags {
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
