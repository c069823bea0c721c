package simulate

// KILL by the ids that CONNECTION_ID() says, which are the servers'.

// firstThread is where a server begins to count: where that matters no other comes to the same.
func (w *World) firstThread(i int) uint32 {
	if w.plays(Threads) {
		return uint32(100_000 * (i + 1))
	}
	return uint32(100 * (i + 1))
}

// killThread asks for its own id, or tells a server to end the session of another that has.
func (c *client) killThread(tag string, _ bool) *statement {
	victim := c.w.clients[c.d.IntN(len(c.w.clients))]
	if c.thread == "" || victim == nil || victim == c || victim.over || victim.stage != says || victim.thread == "" || victim.user != c.user {
		s := query("q"+tag, "SELECT 'q"+tag+"', CONNECTION_ID()")
		s.ok = func(a *answer) { c.thread = a.first[1].text }
		return s
	}
	c.w.condemned[victim.id] = true
	s := query("k"+tag, "KILL "+victim.thread)
	if c.d.one(3) {
		s = query("k"+tag, "KILL QUERY "+victim.thread)
		return s
	}
	s.ok = func(*answer) { victim.dies(c.w.now) }
	return s
}

// dies notes that somebody has been told that the session is killed.
func (c *client) dies(now int64) {
	if c.killed == 0 {
		c.killed = now
	}
}
