package client

import "segue/backend/wire"

// Farewell ends a handshake that is not to be finished, in such a way that a server takes it for a login that was denied or that quits. MySQL and
// MariaDB count handshakes that are cut off (max_connect_errors) and in the end block the host that Segue runs on; a login that they deny does not
// count (Host_errors::sum_connect_errors in sql/hostname_cache.h). The connection is to be closed when it is over, or after a while.
type Farewell struct{ heard int }

// Leave begins it for a server that has greeted and that nothing has been said to: it appends a login for a user that hardly exists. seq is
// the sequence id of the greeting.
func Leave(dst []byte, seq uint8) ([]byte, Farewell) {
	return leave(dst, seq, wire.ClientProtocol41|wire.ClientSecureConnection|wire.ClientPluginAuth|wire.ClientLongPassword)
}

// LeaveSecured begins it for a server that TLS has been put on the connection to, and that has been told nothing since. seq is the sequence id of the SSLRequest, and caps what
// it has said: MariaDB reads what follows by them.
func LeaveSecured(dst []byte, seq uint8, caps wire.Capability) ([]byte, Farewell) {
	return leave(dst, seq, caps)
}

func leave(dst []byte, seq uint8, caps wire.Capability) ([]byte, Farewell) {
	response := wire.HandshakeResponse41{
		Capabilities: caps,
		Charset:      45, // utf8mb4_general_ci
		Username:     "segue_client_left",
		AuthPlugin:   wire.PluginNativePassword,
	}
	at := len(dst)
	return seal(response.Append(append(dst, 0, 0, 0, 0)), at, seq+1), Farewell{}
}

// LeaveUnanswered begins it for a server that waits for an answer to its last message: it appends an empty one.
func LeaveUnanswered(dst []byte, seq uint8) ([]byte, Farewell) {
	return wire.AppendHeader(dst, 0, seq+1), Farewell{}
}

// LeaveUnheard begins it for a server that has yet to answer.
func LeaveUnheard() Farewell { return Farewell{} }

// Hear takes a message of the server's, and appends what it is to be told. over: there is nothing to wait for any more.
func (f *Farewell) Hear(dst, payload []byte, seq uint8) (out []byte, over bool) {
	f.heard++
	switch {
	case len(payload) > 0 && payload[0] == 0x00: // it has let the user in after all
		return append(wire.AppendHeader(dst, 1, 0), byte(wire.ComQuit)), true
	case len(payload) == 0, wire.IsErr(payload), f.heard >= maxLoginMessages:
		return dst, true
	case !WantsAnswer(payload):
		return dst, false
	}
	return wire.AppendHeader(dst, 0, seq+1), false
}
