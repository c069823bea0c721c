package simulate

// EXECUTE AS: a service account becomes another user.

// Service reports whether there is a service account.
func (w *World) Service() bool { return w.plays(Become) }

func (b *backConn) become(s string) *result {
	user, ok := between(s, "AS '", "' WITH NO REVERT")
	switch {
	case !ok:
		b.s.w.fail("%s is to EXECUTE %q", b.name, s)
	case b.user != "service" || b.as != "":
		return sqlErr(5203, "42000", "Access denied; you need (at least one of) the IMPERSONATE privilege(s)")
	}
	b.as = user
	return &result{}
}

// who is CURRENT_USER().
func (b *backConn) who() string {
	if b.as != "" {
		return b.as
	}
	return b.user
}
