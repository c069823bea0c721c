package plan

// Ties is what there is to know of what keeps a session where it is.
type Ties struct {
	Commanding bool // it is in its command phase
	Credential bool // there is something to log in with for its client
	Tokens     bool // its backend, while it serves, can be asked for something to log in with
	Stuck      bool // no backend will have it, whose credentials have not changed since
	Opaque     bool
	Denied     bool // its backend may be about to end it, for a COM_CHANGE_USER that was refused
	MidCommand bool // the client has begun a command and not ended it
	Condemned  bool // a KILL is about to end it
}

// CanMove reports whether Segue can read the session, and log in for its client again: with a credential or, while the old backend lives, by a
// token that it is given.
func (t Ties) CanMove() bool { return !t.Stuck && !t.Opaque && !t.Denied && (t.Credential || t.Tokens) }

// Rebuildable reports whether the session can be rebuilt without a word of its old backend.
func (t Ties) Rebuildable() bool {
	return t.Commanding && t.Credential && !t.MidCommand && !t.Condemned && t.CanMove()
}
