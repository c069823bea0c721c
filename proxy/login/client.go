package login

import (
	"bytes"
	"errors"

	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/wire"
)

var (
	errTurn         = errors.New("connection phase: the client speaks out of turn")
	errBackendTurn  = errors.New("authentication: it speaks out of turn")
	errStuck        = errors.New("the client's protocol does not let it log in to another backend unseen")
	errCapabilities = errors.New("capabilities differ from those the client was promised")
)

// FromClient takes the client's next packet.
func (h *Handshake) FromClient(out *Output, payload []byte, seq uint8) Outcome {
	switch h.wait {
	case ForClient:
	case ForNothing:
		return ClientEnded
	default:
		return h.stop(Protocol, errTurn)
	}
	h.seq = seq + 1
	h.standing, h.wait = verdictOrMore, ForLease // the client has spoken
	switch h.question {
	case theGreeting:
		return h.responded(out, payload)
	case ourSwitch:
		h.switchAnswered(payload)
		h.response.AuthPlugin, h.response.AuthResponse = h.asked.Plugin, h.asked.Answer
		h.know()
		return h.proceed(out)
	case itsSwitch:
		h.switchAnswered(payload)
		h.know()
		if outcome, done := h.translate(out, payload); done {
			return outcome
		}
	case lateSwitch:
		h.switchAnswered(payload)
		if h.back != nil && h.stage == awaits {
			full := []byte{0x01, wire.SHA2FullAuth}
			h.question, h.wait = itsData, ForClient
			h.keep(full)
			h.passOn(out, full)
			return Continues
		}
	case ourQuestion:
		h.learned(payload)
		return h.proceed(out)
	case ourKey:
		return h.decrypt(out, payload)
	case itsData:
		if outcome, done := h.translate(out, payload); done {
			return outcome
		}
		if h.Over().Safe() && isSHA2(h.asked.Plugin) {
			h.whole = client.SaidWhole(payload)
		}
		h.standing = verdictOnly
		if h.asked.Plugin == wire.PluginCachingSHA2Password && len(payload) == 1 && payload[0] == wire.SHA2RequestKey {
			h.standing = publicKey
		}
	}
	switch {
	case h.back == nil || h.stage != awaits: // the one that has asked is gone
		return h.proceed(out)
	case h.tls && !h.via.Transport.Safe() && h.question != theGreeting && (isSHA2(h.asked.Plugin) && h.question == itsData || h.asked.Plugin == wire.PluginSHA256Password || InClear(h.asked.Plugin)):
		return h.fail(&client.Error{Kind: client.Denied, Err: ErrInClear}, awaits) // whatever the backend has said to hear it
	}
	at := len(out.Backend)
	out.Backend = append(append(out.Backend, 0, 0, 0, 0), payload...)
	h.toBackend(out, at)
	h.stage, h.wait = owes, ForBackend
	return Continues
}

func (h *Handshake) switchAnswered(payload []byte) {
	h.asked = h.pending
	h.asked.Answer, h.asked.Over = bytes.Clone(payload), h.Over()
}

// responded takes the client's answer to its greeting, and makes of it what a backend is told.
func (h *Handshake) responded(out *Output, payload []byte) Outcome {
	if wire.IsSSLRequest(payload) {
		return h.sslRequested()
	}
	r := &h.response
	if err := r.Decode(payload); err != nil {
		return h.stop(Protocol, err)
	}
	h.packs, r.ZstdLevel = compress.Agreed(r.Capabilities), 0
	// A client that sends what it was not offered has it cleared, so that both sides and whoever follows agree.
	r.Capabilities &^= client.Shaping &^ h.offered
	if !r.Capabilities.Has(wire.ClientLongPassword) {
		r.SetExtCapabilities(r.ExtCapabilities() & h.ext)
	}
	h.said = true
	h.asked.Plugin, h.asked.Answer, h.asked.Over = r.AuthPlugin, r.AuthResponse, h.Over()
	if h.asked.Plugin == "" {
		h.asked.Plugin = wire.PluginNativePassword
	}
	if h.users != nil {
		h.account = h.users.Account(r.Username)
	}
	if outcome, ok := h.admits(); !ok {
		return outcome
	}
	h.know()
	if h.learns(out) {
		return Continues
	}
	h.native = h.cred == nil && h.account != nil && h.account.HasHash && !h.account.HasPassword &&
		h.asked.Plugin != wire.PluginNativePassword && !h.asked.Empty() && r.Capabilities.Has(wire.ClientPluginAuth)
	return h.proceed(out)
}
