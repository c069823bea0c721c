package client

import (
	"errors"

	"segue/backend/wire"
)

// Outcome is what has come of a login so far.
type Outcome uint8

// The outcomes of a login. All but Continues and Secures end it.
const (
	Continues  Outcome = iota // the server is to speak next
	LoggedIn                  // the server has said OK
	Refused                   // it has refused this user or this credential
	Unprovable                // it wants what the credential does not have, and waits for it: see Farewell
	Passing                   // its ERR_Packet says that it is wrong, or the moment, and not the user
	Garbled                   // what it said is not the protocol
	Secures                   // TLS is to be put on the connection next: see [Login.Open]
	Insecure                  // there is to be TLS, and the server offers none
	numOutcomes
)

// String names the outcome.
func (o Outcome) String() string {
	names := [numOutcomes]string{"continues", "logged in", "refused", "unprovable", "passing", "garbled", "secures", "insecure"}
	if o >= numOutcomes {
		return "unknown"
	}
	return names[o]
}

// Verdict reads the messages that end a login, OK_Packet and ERR_Packet; any other continues it. The error is a [*wire.Err] if the server
// has said it.
func Verdict(payload []byte, caps wire.Capability) (Outcome, wire.Status, error) {
	switch {
	case len(payload) == 0:
		return Garbled, 0, errors.New("authentication: empty packet")
	case payload[0] == 0x00:
		var ok wire.OK
		if err := ok.Decode(payload, caps); err != nil {
			return Garbled, 0, err
		}
		return LoggedIn, ok.Status, nil
	case wire.IsErr(payload):
		said := new(wire.Err)
		if err := said.Decode(payload); err != nil {
			return Garbled, 0, err
		}
		if SpeaksOfServer(said) {
			return Passing, 0, said
		}
		return Refused, 0, said
	}
	return Continues, 0, nil
}

// IsAuthSwitch reports whether a message of the authentication is an AuthSwitchRequest, or an OldAuthSwitchRequest.
func IsAuthSwitch(payload []byte) bool { return len(payload) > 0 && payload[0] == 0xfe }

// WantsAnswer reports whether a message of the authentication that ends nothing is to be answered. All are but one: the AuthMoreData by which
// caching_sha2_password says that its cache has let the client in (fast_auth_success).
func WantsAnswer(payload []byte) bool {
	return len(payload) != 2 || payload[0] != 0x01 || payload[1] != wire.SHA2FastSuccess
}
