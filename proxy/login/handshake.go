package login

import (
	"net/netip"

	"segue/backend/client"
	"segue/backend/compress"
	"segue/backend/wire"
)

// Users says what the operator has told of clients' accounts.
type Users interface {
	// Account is what is known of the user's password; nil if nothing is.
	Account(user string) *client.Account
	// Impersonate is the credential of last resort, for a user that has been let in; nil if there is none.
	Impersonate(user string) *client.Credential
	// Policy is what holds for all of them.
	Policy() Policy
}

// Output is what a call has for the two sides: whole packets, appended. The memory is the driver's, to use again.
type Output struct {
	Client, Backend []byte
}

// Outcome is what a call has come to.
type Outcome uint8

// The outcomes. With LoggedIn and ClientEnded the handshake is over.
const (
	Continues     Outcome = iota // see Waits
	LoggedIn                     // the backend's OK_Packet is on its way to the client; see Status, Response, Credential, Terms
	ClientEnded                  // the client is not to be logged in; see End and Err
	BackendFailed                // the attempt with this backend is over, and the client has not noticed; see Failure, CanRetry and Waits
)

// Wait tells whose turn it is.
type Wait uint8

// Whose turn it is.
const (
	ForLease      Wait = iota // a backend is to be leased and dialed, and what it greets with given to Greeted
	ForClient                 // FromClient takes the client's next packet
	ForClientTLS              // the client's connection is to be put on TLS, with what follows its last packet: ClientSecured
	ForBackend                // FromBackend takes the backend's next packet
	ForBackendTLS             // the backend's is, once it has been sent what there is for it: BackendSecured
	ForNothing                // it is over
)

// End says why a client was not logged in.
type End uint8

// Why a client was not logged in. Only with Refused it has been told.
const (
	Refused  End = iota // a backend has refused the login, and the client was told in the backend's words
	Protocol            // it has said what the protocol does not allow, or what is not offered
	Stuck               // its protocol does not let it log in to another backend than the one that has greeted it
	Insecure            // it may not log in by a connection like its own
)

// Handshake is the connection phase of one client. It is not to be copied once it has been begun.
type Handshake struct {
	id     uint32
	users  Users
	policy Policy
	wait   Wait

	// The client.
	local    bool            // it has come by a UNIX socket
	tls      bool            // it is on TLS
	peer     client.Peer     // what is known of its connection
	greeted  bool            // it has been
	offered  wire.Capability // what the greeting offered of it
	ext      uint32          // the same of MariaDB's
	seq      uint8           // the next sequence id towards the client
	said     bool            // response is there
	response wire.HandshakeResponse41
	packs    compress.Algorithm // how the command phase is compressed with it
	switched bool               // it has been asked to authenticate again
	account  *client.Account
	native   bool // it is to be asked for an answer that a hash can be compared with
	question question
	pending  client.Challenge   // the AuthSwitchRequest that it is to answer
	asked    client.Challenge   // what it was asked last, and its answer
	standing standing           // what it expects to hear
	whole    *client.Credential // the password that it has said to Segue, or where nobody can listen
	cred     *client.Credential // what Segue can log in with in its place; nil: the client answers for itself
	vetted   bool               // … which is the operator's, and the client has proved that it knows it

	// The backend at hand.
	back      *wire.HandshakeV10 // nil: there is none
	via       client.Via         // how it is reached
	asks      []byte             // its last message, which is not of the client's to answer alone
	fresh     bool               // the client was asked last by its salt
	stage     stage
	backSeq   uint8 // the sequence id of its last packet
	heard     uint8 // messages of it
	proves    bool  // Segue answers it, by own
	own       client.Login
	describes bool // it is told by attributes where the client comes from
	from      netip.AddrPort
	told      wire.HandshakeResponse41 // what it has been told: the client's, with what Segue adds

	status  wire.Status
	end     End
	err     error
	failure *client.Error
}

// question is what the client's next packet answers.
type question uint8

const (
	theGreeting question = iota
	ourSwitch            // an AuthSwitchRequest of Segue's own
	itsSwitch            // … of the backend's
	itsData              // another message of the backend's
	lateSwitch           // an AuthSwitchRequest of Segue's own, behind which the backend's question follows
	ourQuestion          // what its password is
	ourKey               // Segue's RSA key, which it has asked for
)

// standing is what a client that has answered expects to hear.
type standing uint8

const (
	verdictOrMore standing = iota // whatever its plugin lets follow a first answer
	verdictOnly                   // fast_auth_success has been passed on, or there is nothing left to ask for
	publicKey                     // the public key that it has asked for: no OK_Packet
)

// stage is how far the backend at hand has come.
type stage uint8

const (
	nothingDue stage = iota // nothing is to be said to it any more
	hasGreeted              // and has not been answered
	owes                    // it has yet to answer
	awaits                  // an answer to its last message
)

// maxMessages bounds what a backend may say in one login that is relayed: some plugins take many rounds.
const maxMessages = 64

// authSwitchPlugin is the name of no authentication plugin. A server that reads it as the client's answers with an AuthSwitchRequest for the plugin
// that the account really has, with its own salt: just what a client needs that was greeted with another salt.
const authSwitchPlugin = "segue_auth_switch"

// New begins the connection phase of a client, which is to see id as its connection id. users may be nil: nothing is known of anybody.
func New(id uint32, users Users) *Handshake {
	h := new(Handshake)
	h.Reset(id, users)
	return h
}

// Reset is New in memory that is used again.
func (h *Handshake) Reset(id uint32, users Users) {
	*h = Handshake{id: id, users: users}
	if users != nil {
		h.policy = users.Policy()
	}
}

// Describe tells, in front of Greeted, where the client comes from, for a backend that is to be told by connection attributes; see [client.Describe].
func (h *Handshake) Describe(from netip.AddrPort, yes bool) { h.from, h.describes = from, yes }

// Waits tells whose turn it is.
func (h *Handshake) Waits() Wait { return h.wait }

// CanRetry reports whether the client can still be brought to another backend unseen: before it has answered its greeting perhaps, after it if
// it has no password, if Segue has a credential, or if it understands an AuthSwitchRequest.
func (h *Handshake) CanRetry() bool {
	return !h.said || h.cred != nil && h.standing != publicKey || h.passwordless() || h.response.Capabilities.Has(wire.ClientPluginAuth)
}

func (h *Handshake) passwordless() bool { return len(h.response.AuthResponse) == 0 && !h.switched }

// Greeted tells that a backend has greeted, which is reached as via says. shared and ext are the capabilities that all backends are known to
// share. The first backend's greeting is what the client is greeted with, unless it has been by GreetFirst.
func (h *Handshake) Greeted(out *Output, g *wire.HandshakeV10, via client.Via, shared wire.Capability, ext uint32) Outcome {
	if h.wait == ForNothing {
		return ClientEnded
	}
	h.back, h.fresh, h.proves, h.stage, h.backSeq, h.heard = g, false, false, hasGreeted, 0, 0
	h.via, h.asks = via, nil
	switch {
	case !h.greeted:
		h.fresh = true
		h.greet(out, g, shared, ext)
		return Continues
	case h.wait == ForClient, h.wait == ForClientTLS: // it comes early
		return Continues
	}
	return h.proceed(out)
}

// GreetFirst greets the client before there is a backend: g has the server's version and character set, the capabilities that all backends are
// known to share, a plugin, and a salt of Segue's own: see [Salt].
func (h *Handshake) GreetFirst(out *Output, g *wire.HandshakeV10) {
	if !h.greeted && h.wait == ForLease {
		h.greet(out, g, g.Capabilities, g.ExtCapabilities)
	}
}

func (h *Handshake) greet(out *Output, g *wire.HandshakeV10, shared wire.Capability, ext uint32) {
	own := *g
	own.ConnectionID = h.id
	own.Capabilities = g.Capabilities & shared & carried
	own.ExtCapabilities = g.ExtCapabilities & ext & carriedExt
	h.offered, h.ext = own.Capabilities, own.ExtCapabilities
	own.Capabilities |= compress.Capabilities // that is between the client and Segue alone, as TLS is
	if h.policy.TLS {
		own.Capabilities |= wire.ClientSSL
	}
	if h.policy.Learns && own.Capabilities.Has(wire.ClientPluginAuth) && (h.policy.TLS || h.local) {
		own.AuthPlugin = wire.PluginCachingSHA2Password
	}
	h.asked.Salt = g.AuthData
	at := len(out.Client)
	out.Client = own.Append(append(out.Client, 0, 0, 0, 0))
	h.toClient(out, at)
	h.greeted, h.question, h.wait = true, theGreeting, ForClient
}

// proceed goes on, once the client has answered, with the backend at hand, or asks for one.
func (h *Handshake) proceed(out *Output) Outcome {
	switch {
	case !h.CanRetry() && !h.fresh:
		return h.stop(Stuck, errStuck)
	case h.back == nil:
		h.wait = ForLease
		return Continues
	case !client.Fits(&h.response, h.back):
		return h.fail(&client.Error{Kind: client.Capabilities, Err: errCapabilities}, hasGreeted)
	case h.native:
		// By the salt of the backend at hand, so that the answer is good for that one too, whatever it proves.
		h.native, h.fresh, h.switched = false, true, true
		request := wire.NewAuthSwitchRequest(wire.PluginNativePassword, h.back.AuthData)
		h.pending = client.Challenge{Plugin: wire.PluginNativePassword, Salt: h.back.AuthData}
		at := len(out.Client)
		out.Client = request.Append(append(out.Client, 0, 0, 0, 0))
		h.toClient(out, at)
		h.question, h.wait = ourSwitch, ForClient
		return Continues
	}
	h.know()
	h.told = h.response
	if h.policy.Witnessed {
		h.told.Capabilities |= client.Witness(&h.response, h.back)
	}
	if h.describes {
		client.Describe(&h.told, h.back, h.from, h.id, h.peer)
	} else {
		client.Undescribed(&h.told, h.peer)
	}
	h.compresses()
	switch seals, failed := h.seals(); {
	case failed != nil:
		return h.fail(failed, hasGreeted)
	case seals:
		h.told.Capabilities |= wire.ClientSSL
		h.askForTLS(out)
	default:
		h.answerGreeting(out)
	}
	return Continues
}

// know takes a credential from the client's last answer, if there is one in it.
func (h *Handshake) know() {
	if h.cred != nil {
		return
	}
	proved := h.asked.Prove(h.account)
	h.vetted = proved != nil
	if h.cred = h.asked.Said(); h.cred == nil {
		h.cred = proved
	}
}

// answerGreeting gives the backend a HandshakeResponse41: of Segue's, if there is a credential, or the client's. Of the latter the answer to another
// salt is of no use, unless it has no password.
func (h *Handshake) answerGreeting(out *Output) {
	h.stage, h.wait = owes, ForBackend
	if h.mayProve() {
		h.proves, h.own = true, client.NewLogin(h.cred, h.back, &h.told)
		out.Backend, _ = h.own.Open(out.Backend, h.backSeq, h.via) // on TLS by now, if it is to be
		return
	}
	if !h.passwordless() && (!h.fresh || h.unfit()) {
		h.told.AuthPlugin, h.told.AuthResponse = authSwitchPlugin, nil
	}
	at := len(out.Backend)
	out.Backend = h.told.Append(append(out.Backend, 0, 0, 0, 0))
	h.toBackend(out, at)
}

// mayProve reports whether Segue is to answer a greeting in the client's place.
func (h *Handshake) mayProve() bool {
	return h.cred != nil && h.standing != publicKey && (!h.fresh || !h.cred.Clear()) // a password in clear is first for whom the client meant it
}

// Fail tells that the backend at hand, or the dialing of one, has failed: refused, cut off, too slow.
func (h *Handshake) Fail(failure *client.Error) Outcome {
	if h.wait == ForNothing {
		return ClientEnded
	}
	return h.fail(failure, nothingDue)
}

// Withhold tells that the answer to the greeting of the backend at hand has not been sent: Segue does not log in there now.
func (h *Handshake) Withhold(failure *client.Error) Outcome {
	if h.wait == ForNothing {
		return ClientEnded
	}
	if h.wait == ForBackendTLS { // the request for that included
		h.backSeq--
	}
	return h.fail(failure, hasGreeted)
}

// LetGo tells that the backend at hand has been left while the client is waited for, which has yet to answer it.
func (h *Handshake) LetGo(failure *client.Error) Outcome {
	if h.wait == ForNothing {
		return ClientEnded
	}
	return h.fail(failure, h.stage)
}

// fail ends the attempt. Where the client has yet to answer something it is waited for.
func (h *Handshake) fail(failure *client.Error, s stage) Outcome {
	h.failure, h.back, h.fresh, h.proves, h.stage = failure, nil, false, false, s
	if h.wait != ForClient && h.wait != ForClientTLS {
		h.wait = ForLease
	}
	return BackendFailed
}

// stop ends the handshake.
func (h *Handshake) stop(end End, err error) Outcome {
	h.end, h.err, h.wait = end, err, ForNothing
	return ClientEnded
}

// toClient puts the header in front of the payload behind at, and counts.
func (h *Handshake) toClient(out *Output, at int) {
	wire.PutHeader(out.Client[at:], len(out.Client)-at-wire.HeaderLen, h.seq)
	h.seq++
}

func (h *Handshake) toBackend(out *Output, at int) {
	wire.PutHeader(out.Backend[at:], len(out.Backend)-at-wire.HeaderLen, h.backSeq+1)
}

// passOn appends a message to what goes to the client.
func (h *Handshake) passOn(out *Output, payload []byte) {
	at := len(out.Client)
	out.Client = append(append(out.Client, 0, 0, 0, 0), payload...)
	h.toClient(out, at)
}
