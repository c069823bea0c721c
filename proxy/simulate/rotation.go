package simulate

import "time"

// rotate changes the password of an account on some servers, and back some time later.
func (w *World) rotate(d dice, until int64) {
	user := [...]string{"app", "hash", "anon"}[d.IntN(3)]
	t := min(int64(500*time.Millisecond)+d.Int64N(int64(4*time.Second)), max(until-w.now, 1))
	for _, s := range w.servers {
		if d.one(2) {
			w.note("operator", "%s has another password of %s for %s", s.name, user, time.Duration(t))
			s.other[user] = true
			w.after(t, func() { delete(s.other, user) })
		}
	}
}
