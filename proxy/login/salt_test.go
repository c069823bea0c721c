package login

import "testing"

// A COM_CHANGE_USER proves a password to the salt that the client was asked by last: it can pass as it is only where that is the backend's.
func TestOtherSalt(t *testing.T) {
	proof := nativeAnswer(saltA, "pw")
	begin := func(t *testing.T, u Users) *rig {
		t.Helper()
		r := begun(t, u, greeting(nativePlugin, saltA))
		r.client(1, response(nativePlugin, proof).Append(nil), Continues, ForBackend)
		r.hearsResponse(nativePlugin, proof)
		return r
	}
	for name, c := range map[string]struct {
		users Users
		login func(r *rig)
		want  bool
	}{
		"the first backend":               {nil, func(*rig) {}, false},
		"Segue answers the first backend": {known("pw"), func(*rig) {}, false},
		"another backend asks the client": {nil, func(r *rig) {
			r.fails(ForLease)
			r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
			r.backend(2, switchTo(nativePlugin, saltC), Continues, ForClient)
			r.client(3, nativeAnswer(saltC, "pw"), Continues, ForBackend)
		}, false},
		"Segue answers another backend": {known("pw"), func(r *rig) {
			r.fails(ForLease)
			r.greets(greeting(nativePlugin, saltB), Continues, ForBackend)
		}, true},
		"Segue answers a switch of the first": {known("pw"), func(r *rig) {
			r.backend(2, switchTo(nativePlugin, saltB), Continues, ForBackend)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, c.users)
			c.login(r)
			r.backend(r.backSeq+1, okPacket, LoggedIn, ForNothing)
			if got := r.OtherSalt(); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
