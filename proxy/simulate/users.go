package simulate

import (
	"time"

	proto "segue/backend/wire"
)

// COM_CHANGE_USER: the authentication starts again, in the middle of a session, of which nothing is left then.

func (b *backConn) changeUser(payload []byte, run int) {
	var m proto.ChangeUser
	if err := m.Decode(payload, b.caps); err != nil {
		b.s.w.fail("%s is sent a broken COM_CHANGE_USER: %v", b.name, err)
		return
	}
	b.user, b.as, b.busy = m.Username, "", false
	b.examine(m.AuthPlugin, m.AuthResponse, func(ok bool) {
		r := &result{}
		if b.busy = true; ok {
			b.mem = newMemory()
			b.told = nil
			b.mem.Database = m.Database
		} else {
			r = sqlErr(1045, "28000", "Access denied for user")
			b.killed = true // the server ends the connection behind that
		}
		b.note("has changed its user to %s: %v", b.user, ok)
		b.s.w.after(b.d.span(time.Millisecond), func() {
			if !b.over && b.run == run {
				b.answer(proto.ComChangeUser, r, run)
			}
		})
	})
}

// changeUser becomes another user, or the same anew, as pools do.
func (c *client) changeUser(tag string, alone bool) *statement {
	if !alone {
		return nil
	}
	user := c.user
	if !c.w.calm && c.d.one(2) {
		user = [...]string{"app", "hash", "anon"}[c.d.IntN(3)]
	}
	m := proto.ChangeUser{Username: user, AuthResponse: answerTo(c.plugin, c.salt, passwords[user]), Charset: 45, AuthPlugin: c.plugin}
	if c.d.one(2) {
		m.Database = "db0"
	}
	s := &statement{tag: "i" + tag, what: "COM_CHANGE_USER " + user, c: proto.ComChangeUser, user: user}
	s.body = m.Append(nil, c.caps)[1:]
	clear := c.clears()
	s.ok = func(*answer) {
		clear(true)
		c.user = user
		c.twin.database = maybe{{null: m.Database == "", text: m.Database}}
	}
	s.maybe = func() {
		clear(false)
		c.twin.database, c.unsure = nil, true
	}
	return s
}
