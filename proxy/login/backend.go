package login

import (
	"errors"
	"fmt"

	"segue/backend/client"
	"segue/backend/wire"
)

// FromBackend takes the backend's next packet, behind its greeting.
func (h *Handshake) FromBackend(out *Output, payload []byte, seq uint8) Outcome {
	switch h.wait {
	case ForBackend:
	case ForNothing:
		return ClientEnded
	default:
		return h.malformed(errBackendTurn)
	}
	h.stage, h.backSeq = awaits, seq
	if h.heard++; h.heard > maxMessages {
		return h.malformed(fmt.Errorf("authentication: more than %d messages", maxMessages))
	}
	if h.proves {
		return h.proved(out, payload, seq)
	}
	outcome, status, err := client.Verdict(payload, h.told.Capabilities&h.back.Capabilities)
	switch outcome {
	case client.Continues:
		return h.relay(out, payload)
	case client.LoggedIn:
		return h.loggedIn(out, payload, status)
	case client.Refused:
		return h.refused(out, payload, err)
	case client.Passing:
		return h.fail(&client.Error{Kind: client.ServerError, Err: err}, nothingDue)
	default:
		return h.malformed(err)
	}
}

func (h *Handshake) malformed(err error) Outcome {
	return h.fail(&client.Error{Kind: client.Malformed, Err: err}, nothingDue)
}

// proved takes a message of a backend that Segue answers.
func (h *Handshake) proved(out *Output, payload []byte, seq uint8) Outcome {
	var outcome client.Outcome
	out.Backend, outcome = h.own.Answer(out.Backend, payload, seq)
	switch outcome {
	case client.Continues:
		h.stage = owes
		return Continues
	case client.LoggedIn:
		if h.asked.Plugin == wire.PluginCachingSHA2Password && !h.asked.Empty() && h.standing == verdictOrMore {
			// The client had its answer read by Segue and not by the backend, and waits to hear that it was right.
			h.passOn(out, []byte{0x01, wire.SHA2FastSuccess})
		}
		return h.loggedIn(out, payload, h.own.Terms().Status)
	case client.Refused:
		return h.refused(out, payload, h.own.Cause())
	case client.Unprovable:
		if client.IsAuthSwitch(payload) && h.response.Capabilities.Has(wire.ClientPluginAuth) { // the client is to answer for itself
			h.cred, h.proves, h.vetted = nil, false, false
			return h.relay(out, payload)
		}
		if why := new(client.UnprovableError); errors.As(h.own.Cause(), &why) && why.Whole {
			return h.giveUpProving(out, payload)
		}
		return h.fail(&client.Error{Kind: client.Malformed, Err: h.own.Cause()}, awaits)
	case client.Passing:
		return h.fail(&client.Error{Kind: client.ServerError, Err: h.own.Cause()}, nothingDue)
	default:
		return h.malformed(h.own.Cause())
	}
}

// giveUpProving has the client answer a backend that wants the whole password, which is not Segue's to give. A client that has answered to another salt
// is asked by this one first.
func (h *Handshake) giveUpProving(out *Output, payload []byte) Outcome {
	if h.whole != nil { // it has said it already, and that one is not to have it
		return h.fail(&client.Error{Kind: client.Denied, Err: h.own.Cause()}, awaits)
	}
	plugin, salt := h.own.Plugin(), h.own.Salt()
	h.cred, h.proves, h.vetted = nil, false, false
	switch {
	case h.tls && !h.via.Transport.Safe(): // the client's own word would have to go in clear
		return h.fail(&client.Error{Kind: client.Denied, Err: h.own.Cause()}, awaits)
	case h.fresh && h.asked.Plugin == plugin && h.standing == verdictOrMore:
		return h.relay(out, payload)
	case !h.response.Capabilities.Has(wire.ClientPluginAuth):
		return h.fail(&client.Error{Kind: client.Denied, Err: h.own.Cause()}, awaits)
	}
	h.switched, h.fresh = true, true
	h.pending = client.Challenge{Plugin: plugin, Salt: salt}
	h.passOn(out, wire.NewAuthSwitchRequest(plugin, salt).Append(nil))
	h.question, h.wait = lateSwitch, ForClient
	return Continues
}

// relay passes a message of the backend's on to the client. What is not known is passed on too, and taken for a question.
func (h *Handshake) relay(out *Output, payload []byte) Outcome {
	h.question = itsData
	if client.IsAuthSwitch(payload) {
		var request wire.AuthSwitchRequest
		if err := request.Decode(payload); err != nil {
			return h.malformed(err)
		}
		if h.tls && !h.via.Transport.Safe() && InClear(request.Plugin) {
			return h.fail(&client.Error{Kind: client.Denied, Err: ErrInClear}, awaits)
		}
		h.question, h.pending = itsSwitch, client.Challenge{Plugin: request.Plugin, Salt: request.Salt()}
		h.switched, h.fresh = true, true
	}
	h.keep(payload)
	h.passOn(out, payload)
	if !client.WantsAnswer(payload) {
		h.stage, h.standing = owes, verdictOnly
		return Continues
	}
	h.wait = ForClient
	return Continues
}

// loggedIn tells the client that it has been let in, and settles what the session can be logged in again with.
func (h *Handshake) loggedIn(out *Output, payload []byte, status wire.Status) Outcome {
	if h.told.Capabilities&^apart != h.response.Capabilities { // the client is not to hear of the witness
		payload = payload[:wire.WithoutSessionState(payload)]
	}
	plugin := h.asked.Plugin
	if h.proves {
		plugin = h.own.Plugin()
	}
	if h.cred == nil {
		h.cred = h.asked.Learn(h.account)
	}
	if h.cred == nil {
		h.cred = h.whole
	}
	h.passOn(out, h.vouch(payload))
	if h.cred = h.cred.Reduced(plugin); h.cred == nil && h.users != nil {
		h.cred = h.users.Impersonate(h.response.Username)
	}
	h.status, h.stage, h.wait = status, nothingDue, ForNothing
	return LoggedIn
}

// refused passes on what is the client's own fault.
func (h *Handshake) refused(out *Output, payload []byte, said error) Outcome {
	h.passOn(out, payload)
	h.stage = nothingDue
	return h.stop(Refused, said)
}

// Farewell tells how to end the handshake with a backend that is not to be finished: where the client has gone or has ended it, and where the
// backend has been passed over for its capabilities. It is to be called ahead of the next Greeted, and is worth its while with servers that
// count handshakes that are cut off (MySQL, MariaDB). due is false if the connection can simply be closed; otherwise what is appended is to be sent,
// and what the server says given to the [client.Farewell].
func (h *Handshake) Farewell(dst []byte) (out []byte, f client.Farewell, due bool) {
	s := h.stage
	h.stage = nothingDue
	switch s {
	case hasGreeted:
		out, f = client.Leave(dst, h.backSeq)
		return out, f, true
	case awaits:
		out, f = client.LeaveUnanswered(dst, h.backSeq)
		return out, f, true
	case owes:
		return dst, client.LeaveUnheard(), true
	default:
		return dst, f, false
	}
}
