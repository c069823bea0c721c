package proxy

import (
	"time"

	"segue/backend"
	"segue/backend/compress"
	"segue/backend/proxyheader"
	"segue/backend/secure"
	"segue/proxy/balance"
	"segue/proxy/login"
)

// Options are what an operator may set of a [Server]. The zero value of each field means its default.
type Options struct {
	// Flavor is the kind of servers behind Segue.
	Flavor backend.Flavor
	// ConnectBudget is the longest a client waits for a backend, from its connecting to Segue to the final OK_Packet;
	// its own think time in the handshake does not count.
	ConnectBudget time.Duration
	// ConnectTimeout is the longest that one backend may take to accept a connection and send its greeting.
	ConnectTimeout time.Duration
	// Unauthenticated is how many clients at a time one backend greets that have yet to answer.
	Unauthenticated int
	// DrainTimeout is the longest that a session may keep a backend that is leaving.
	DrainTimeout time.Duration
	// HangTimeout is how long a backend must have been down, and its MySQL port silent, before the statements that run on it are
	// given up.
	HangTimeout time.Duration
	// Users are the accounts for whose clients Segue can log in by itself.
	Users []User
	// TLS is what clients are offered; the zero value: nothing.
	TLS TLS
	// LearnUsers says that clients of accounts that are not among Users are asked for their password, where nobody can listen: by TLS, or a UNIX socket.
	LearnUsers bool
	// AnyKey says that passwords which were learned may be given, encrypted, to whoever presents a key in a backend's place.
	AnyKey bool
	// BackendCompression is what backends are asked for that offer it, for sessions.
	BackendCompression compress.Algorithm
	// Translates says that there are backends on TLS: Segue then needs a key for the passwords of clients that are not.
	Translates bool
	key        *login.Key // … which is this
	// MaxSessions is the most sessions at a time, as far as the file descriptors go; 0: as many as those are enough for.
	MaxSessions int
	// StatementsMemory is how many bytes of prepared statements and settings are kept of all sessions together, so that they can be rebuilt.
	StatementsMemory int64
	// Balance is how sessions come back to a backend that is up again.
	Balance balance.Options
	// Hold is how statements wait while there is no usable backend.
	Hold Hold
	// Replay is which statements are run again when their backend goes.
	Replay ReplayLimits
	// StoredPrograms says whether what stored functions, triggers and views do unseen is learnt from the servers: ProgramsIgnore, which is the
	// default, or ProgramsRead. A change holds for sessions that log in to a backend after it.
	StoredPrograms string
	// ProxiedFrom are the networks whose connections begin with a header of the PROXY protocol, by which Segue knows its clients from then on.
	ProxiedFrom proxyheader.Networks
}

// The values of Options.StoredPrograms.
const (
	ProgramsIgnore = "ignore" // nobody asks for them, and what they hold is lost with a move, in silence
	ProgramsRead   = "read"   // what may hold state ties its session to its backend
)

// TLS is what clients are offered.
type TLS struct {
	Server   *secure.Server // nil: nothing
	Required bool           // a client that does not use it is refused, unless it comes by a UNIX socket
}

// The defaults of Options.
const (
	DefaultConnectBudget   = 10 * time.Second
	DefaultConnectTimeout  = 2 * time.Second
	DefaultUnauthenticated = 32
	DefaultDrainTimeout    = 60 * time.Second
	DefaultHangTimeout     = 3 * time.Second

	DefaultStatementsMemory = 512 << 20
)

func (o *Options) connectBudget() time.Duration {
	return orDefault(o.ConnectBudget, DefaultConnectBudget)
}

func (o *Options) unauthenticated() int {
	if o.Unauthenticated <= 0 {
		return DefaultUnauthenticated
	}
	return o.Unauthenticated
}

func (o *Options) connectTimeout() time.Duration {
	return orDefault(o.ConnectTimeout, DefaultConnectTimeout)
}

func (o *Options) hangTimeout() time.Duration { return orDefault(o.HangTimeout, DefaultHangTimeout) }

func (o *Options) drainTimeout() time.Duration { return orDefault(o.DrainTimeout, DefaultDrainTimeout) }

// authTimeout is the longest that a backend may take to answer a message of the authentication. A server that
// asks LDAP may well need a second or two, so it is half the budget: the other half is for another backend.
func (o *Options) authTimeout() time.Duration { return o.connectBudget() / 2 }

func orDefault[T ~int64](d, otherwise T) T {
	if d <= 0 {
		return otherwise
	}
	return d
}

const (
	// clientTimeout is the longest that a client may take for each of its messages in the connection phase: the default of
	// MySQL's connect_timeout.
	clientTimeout = 10 * time.Second
	// crowdPatience is how long a client waits for a backend to greet it, while many that it has greeted have yet to answer.
	crowdPatience = 200 * time.Millisecond
	// crowdStuck is for how long after that nobody waits for the same.
	crowdStuck = time.Second
	// silence is how long a client that says nothing is waited for until a backend that leaves is let go.
	silence = time.Second
	// drainLinger is how long a drain waits for an idle session's next statement, whose answer it can then close the
	// connection with: the client sees the end before it can send another statement. A session that stays silent for so
	// long is closed where it stands. A StarRocks FE gives idle sessions the same second (ConnectContext.isIdleLastFor(1000)).
	drainLinger = time.Second
	// stopLinger is what is left of that for a session that has been silent for so long before Segue itself stops: long enough for a statement
	// that has come to be read.
	stopLinger = 20 * time.Millisecond
	// pingLinger is how long a session is kept behind the good answer to a ping: whoever has been lent the connection on it uses it before.
	pingLinger = 5 * time.Second
	// halfCloseGrace is how long a backend may go on answering a client that has closed its sending side. A client that is gone
	// altogether looks the same; when the time is over, its backend session is ended.
	halfCloseGrace = 5 * time.Second
	// closeGrace is how long the two ends get to close their sides after Segue has closed its own.
	closeGrace = time.Second
	// stopGrace is the same when Segue itself stops. A connection pool does not look at its idle connections, so that waiting for it to close
	// them is in vain; what it has yet to receive the system goes on sending.
	stopGrace = 100 * time.Millisecond
	// moveTimeout is the longest that a move takes from a backend that still serves: a statement that arrives meanwhile waits.
	moveTimeout = 2 * time.Second
	// maxMoving is how many sessions of a server move at a time, so that those of one backend do not all log in to the
	// others at one moment, and each is quick about it. Those whose backend still serves go on there until it is their turn.
	maxMoving = 16
	// maxSwapping is how many of them pass at a time from a backend that serves, which their clients' statements wait for.
	maxSwapping = 4
	// maxDialing is how many connections to one backend, for clients that connect, are on their way to their greeting at a time: when
	// thousands come back at once, it sees them one after the other.
	maxDialing = 128
)
