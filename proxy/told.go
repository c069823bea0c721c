package proxy

import "segue/proxy/ledger"

// Told is one error that Segue itself gives to a client: what a program sees of it, and what a person can do. Whatever a backend answers is passed on as it is.
type Told struct {
	Code   uint16
	State  string      // SQLSTATE; of some it is missing where the client has not named its capabilities yet
	Text   string      // behind "segue: "; … stands for what differs
	Kind   ledger.Kind // as segue_client_errors_total counts it; empty: as none, since no failure is behind it
	Cause  string
	Remedy string
}

// Errors are all of them: a test holds the list to the code. The first that fits a text is the one.
func Errors() []Told {
	var all []Told
	for _, list := range [][]Told{connectErrors(), loginErrors(), statementErrors(), sessionErrors(), killErrors()} {
		all = append(all, list...)
	}
	return all
}

// connectErrors are those that a client gets in place of a login.
func connectErrors() []Told {
	const again = "`segue check` says what is wrong with each backend and what to run next; clients may try again"
	return []Told{
		{codeServerUnavailable, stateConnection, "no usable backend within connect.budget … (tried …)", ledger.LostConnect, "no backend took the client in time; each that was tried is named, with why", again},
		{codeServerUnavailable, stateConnection, "no usable backend (…)", ledger.LostConnect, "none could even be tried: each is named, with why", again},
		{codeServerUnavailable, stateConnection, "no other backend has taken it (tried …)", ledger.LostConnect, "the backend was lost during the login, and no other has taken it", again},
		{codeServerUnavailable, stateConnection, "no backend lets this client in: …", ledger.LostConnect, "each backend that was tried refuses this host or account for good", "see to `max_connect_errors` and host grants of the servers, or to backend_tls, as the text says"},
		{codeServerUnavailable, stateConnection, "…: too many sessions look for a place at this moment", ledger.LostConnect, "more logins go on at the same time than Segue takes", "let pools open fewer connections at once"},
		{
			codeServerUnavailable, stateConnection, "…; the client's protocol does not let it log in to another backend unseen", ledger.LostConnect, "the backend was lost in the middle of a login by an old protocol or with a plugin that cannot begin again",
			"let the client try again; one with CLIENT_PLUGIN_AUTH would not have seen it",
		},
		{codeTooManyConnections, "", "too many sessions (limits.sessions …); raise it, or let applications keep fewer connections", ledger.LostLimit, "there are as many sessions as limits.sessions allows", "raise limits.sessions, or make pools smaller"},
		{codeTooManyConnections, "", "too many sessions (…, all that … file descriptors are enough for); raise LimitNOFILE (ulimit -n), or let applications keep fewer connections", ledger.LostLimit, "the process has no more file descriptors", "raise LimitNOFILE in the unit (ulimit -n), or make pools smaller"},
		{codeHandshake, stateConnection, "…", "", "the client says something in the login that the protocol does not have: the text tells what", "use a client of MySQL's protocol; where a load balancer stands in front, see proxy_protocol.accept"},
	}
}

// loginErrors are about who may come in how.
func loginErrors() []Told {
	const denied = "28000"
	return []Told{
		{codeSecureTransport, "HY000", "connections without TLS are not let in here (tls.mode: required)", "", "the client does not use TLS", "connect with TLS (--ssl-mode=REQUIRED), or set tls.mode: optional"},
		{codeAccessDenied, denied, "the user's name is not in a character set by which Segue knows whose it is", "", "there are accounts with `require`, and this name cannot be compared with theirs", "log in with utf8mb4"},
		{codeAccessDenied, denied, "user …: this account is for connections on TLS alone", "", "`require: tls` of the account in users", "connect with TLS"},
		{codeAccessDenied, denied, "user …: this account is for clients that show a certificate", "", "`require: certificate` of the account in users", "give the client a certificate that tls.client_ca_file vouches for (--ssl-cert, --ssl-key)"},
		{codeAccessDenied, denied, "user …: this account is for clients with another certificate than that of …", "", "`require_subject` of the account in users", "use the certificate with that subject"},
		{codeAccessDenied, denied, "user …: its name is not in a character set by which Segue knows whose it is", "", "the same, of COM_CHANGE_USER", "log in with utf8mb4"},
		{
			codeAccessDenied, denied, "COM_CHANGE_USER: one side of the session is on TLS and the other is not, so that the password cannot be passed on; backend_tls, or a new connection, does", "",
			"the backend asks for the password in a way that TLS on both sides alone allows", "set backend_tls, or open a new connection for the other user",
		},
		{
			codeHandshake, stateConnection, "there are accounts here that not every client may log in to, or one side of the session is on TLS and the other is not: what cannot be read is not passed on", "",
			"something that could not be read might have been a login", "take out of the session what Segue does not understand (`segue sessions` names it), or `require` of the accounts",
		},
	}
}

// statementErrors are those that stand in place of the answer to a statement.
func statementErrors() []Told {
	const (
		unknown = "look whether it has taken effect before it is sent again"
		safe    = "it has not run: send it again"
		hold    = "it has not run: send it again. `segue check` says what is wrong with the backends"
	)
	lost := func(text string, kind ledger.Kind, cause, remedy string) Told {
		return Told{codeServerShutdown, stateConnection, text, kind, cause, remedy}
	}
	return []Told{
		lost("backend … closed the connection while the statement ran; its outcome is unknown", ledger.LostStatement, "the backend went while it ran a statement that may write", unknown),
		lost("backend … stopped answering while the statement ran; its outcome is unknown", ledger.LostStatement, "the backend was down and silent for drain.hang_timeout", unknown),
		lost("backend … closed the connection in the middle of the answer", ledger.LostStatement, "the backend went while it sent rows", "send it again if it only reads"),
		lost("backend …: the session has gone on elsewhere, without its …", ledger.LostTransaction, "the backend went, and with it what is named: a transaction, a temporary table, a lock, a variable", "begin it anew: nothing of a transaction that was not committed has taken effect. Not after ROLLBACK: then there is no error"),
		lost("the statement was not sent: backend …, and Segue cannot log in for this user", ledger.LostUnsent, "the backend went, and the session cannot move", "list the account under users, and the session moves"),
		lost("the statement was not sent: …", ledger.LostUnsent, "it came after the session had been ended: a drain, a stop, or a move that failed, as the text tells", safe+", on a new connection"),
		lost("the statement, which only reads, was cut off, and no backend could take it within hold.timeout: …", ledger.LostStatement, "its backend went, and there was no other in time", "send it again"),
		lost("the statement, which only reads, was cut off, and no backend could take it, and hold.dry_run is set: …", ledger.LostStatement, "its backend went, there was no other, and nothing is held", "send it again; hold.dry_run: false would have held it"),
		lost("the statement, which only reads, was cut off: …", ledger.LostStatement, "its backend went, and the session could not be rebuilt elsewhere", "send it again, on a new connection"),
		lost("the backend was lost while the statement ran; its outcome is unknown: it is not run again, as it may read from a view that does more than read (replay.reads)", ledger.LostStatement, "the statement names a view of MySQL or MariaDB, which may call a function that writes", unknown+"; replay.reads: any believes views to read only"),
		lost("the statement was cut at the end of drain.timeout, for …; its outcome is unknown", ledger.LostDeadline, "it had not ended drain.timeout after its backend, or Segue, was to go", unknown+"; raise drain.timeout for statements that are longer"),
		lost("segue was stopped while the statement ran; its outcome is unknown", ledger.LostDeadline, "a second SIGTERM, or the end of a takeover", unknown),
		lost("long data was not sent: no backend could take it within hold.timeout", ledger.LostHold, "no backend was usable while a part of a prepared statement's parameter came", "execute the statement again, from its first parameter"),
		{codeServerUnavailable, stateConnection, "the statement was not sent: no backend could take it within hold.timeout …: …", ledger.LostHold, "no backend was usable for hold.timeout, or the operator has paused", hold},
		{codeServerUnavailable, stateConnection, "the statement was not sent: … others wait for a backend already (hold.statements): …", ledger.LostHold, "as many wait as may", hold + "; raise hold.statements where there is memory (16 KB each)"},
		{codeServerUnavailable, stateConnection, "the statement was not sent: no backend can take it, and hold.dry_run is set: …", ledger.LostHold, "no backend was usable, and nothing is held", hold + "; hold.dry_run: false would have held it"},
		lost("… asked for a local file that no statement had mentioned", "", "the backend answered with a LOCAL INFILE request that nobody had asked for (CVE-2020-11579)", "find out what the backend is: no server does that"),
	}
}

// sessionErrors are about what a session has lost by a move.
func sessionErrors() []Told {
	return []Told{
		{
			codeUnknown, stateConnection, "the session has moved to another backend, or Segue has asked the backend for its state, since the statement that this one asks about", "",
			"SHOW WARNINGS, ROW_COUNT(), FOUND_ROWS() and the like ask the server about the last statement, of which it does not know any more", "ask right behind the statement, before anything else",
		},
		{codeUnknown, stateConnection, "LAST_INSERT_ID() was lost with the backend that knew it; the next row that is given an id sets it anew", "", "the backend went before it could be asked for the id", "read the row back by another key"},
	}
}

// killErrors answer a KILL that could not be brought to the session that it means.
func killErrors() []Told {
	const state = "HY000"
	return []Told{
		{
			codeUnknown, state, "this KILL was not sent, as the session that it means cannot be told from it; say KILL [CONNECTION | QUERY] id, in a statement of its own", "",
			"the id is an expression, or stands in a statement with others; 1295 in place of 1105 where it is prepared", "say KILL with a number, in a statement of its own",
		},
		{codeUnknown, state, "KILL USER was not sent: on one server alone it ends sessions that would go on elsewhere; kill them by their ids, which `segue sessions` shows", "", "KILL USER", "kill the sessions by their ids"},
		{codeUnknown, state, "thread id … is that of several sessions, on several backends; take the id of the greeting, which `segue sessions` shows", "", "the number is a backend's own id, and two backends have it", "take the id that `segue sessions` shows"},
		{codeUnknown, state, "session … is on …, and other statements stand behind the KILL; it was not sent, say it in a statement of its own", "", "the KILL is one of several statements", "send it alone"},
		{codeUnknown, state, "session … is another user's, and the backend takes this session's user for the service account; the KILL was not sent", "", "the killer's session was logged in by the service account, whose rights are not the killer's", "list the killer's account under users"},
		{codeUnknown, state, "the session that it is meant for is between two backends; the KILL was not sent", "", "it moves at this moment", "send it again"},
		{codeUnknown, state, "session … is on …, and the KILL could not be sent there: …", "", "Segue cannot log in there for the killer, or the backend does not answer: the text tells", "list the account under users, or `segue check`"},
		{codeUnknown, stateConnection, "the KILL was sent to …, but its outcome is unknown: the session has lost its own backend meanwhile", "", "the killer's own backend went", "look with `segue sessions` whether it is still there"},
		{codeUnknown, state, "the KILL was sent to …, but its outcome is unknown: …", "", "the connection broke before the answer", "look with `segue sessions` whether it is still there"},
		{codeInterrupted, stateConnection, "the session was killed while the statement ran; its outcome is unknown", "", "somebody has said KILL", "look whether it has taken effect before it is sent again"},
	}
}
