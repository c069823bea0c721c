package health

import (
	"errors"
	"fmt"
	"time"

	"segue/backend/client"
	"segue/backend/wire"
)

// unanswered says what stood in the way of a login that the server would have let us try; empty if nothing did.
func unanswered(err error) string {
	unprovable, ok := errors.AsType[*client.UnprovableError](err)
	switch {
	case ok && unprovable.Whole:
		return fmt.Sprintf("cannot authenticate: %s wants the password itself; set backend_tls, or name the server's key by health.server_public_key_file, "+
			"or set get_server_public_key, which gives the password to whoever answers in its place", unprovable.Plugin)
	case ok && unprovable.Plugin == wire.PluginClearPassword:
		return fmt.Sprintf("cannot authenticate: it wants the password in clear (%s), which a probe says only inside TLS; set backend_tls", unprovable.Plugin)
	case ok && (unprovable.Plugin == wire.PluginNativePassword || unprovable.Plugin == wire.PluginCachingSHA2Password):
		return fmt.Sprintf("cannot authenticate: %s has more to say", unprovable.Plugin)
	case ok:
		return fmt.Sprintf("cannot authenticate: it wants %q, for which a password does not do; alter the account to %s or %s", short(unprovable.Plugin),
			wire.PluginNativePassword, wire.PluginCachingSHA2Password)
	case errors.Is(err, client.ErrUnanswerable):
		return short(err.Error())
	}
	return ""
}

// refusesUser reports whether a server that works refuses this user: what is wrong is the user, not the server.
func refusesUser(e *wire.Err) bool {
	const databaseDenied = 1044 // ER_DBACCESS_DENIED_ERROR
	return e.Refuses() == wire.AccountRefused || e.Code == databaseDenied
}

// maxTLSCause bounds what is said of a TLS handshake: in it stand the names that a certificate bears, and a remedy.
const maxTLSCause = 4 * maxCause

// unsecured reports whether there is to be TLS, and the server has none, or none that does: no session can be logged in either.
func unsecured(err error) bool {
	failed, is := errors.AsType[*client.Error](err)
	return is && failed.Kind == client.Unsecured
}

// loginVerdict says what the outcome of a login means for a server whose greeting was good.
func loginVerdict(user string, err error, took time.Duration) (v Verdict, cause string) {
	refused, isErr := errors.AsType[*wire.Err](err)
	_, garbled := errors.AsType[*wire.DecodeError](err)
	why := unanswered(err)
	switch {
	case err == nil:
		return Passed, ""
	case isErr && refused.Refuses() == wire.ServerFull:
		return Full, fmt.Sprintf("mysql login %d %s", refused.Code, short(refused.Message))
	case isErr && refused.Refuses() == wire.AccountFull:
		return Passed, fmt.Sprintf("mysql login as health.user (%s): %d %s; until there is room for it the greeting alone counts", user,
			refused.Code, short(refused.Message))
	case isErr && refusesUser(refused):
		return Passed, fmt.Sprintf("mysql %d %s: correct health.user (%s) or its password; until then the greeting "+
			"alone counts", refused.Code, short(refused.Message), user)
	case isErr:
		return Failed, fmt.Sprintf("mysql login %d %s", refused.Code, short(refused.Message))
	case why != "":
		return Passed, fmt.Sprintf("mysql login as health.user (%s): %s; until then the greeting alone counts", user, why)
	case unsecured(err):
		return Failed, "mysql login: " + wire.Shown(err.Error(), maxTLSCause)
	case garbled, errors.Is(err, wire.ErrPayloadTooLarge):
		return Failed, "mysql login: " + short(err.Error())
	}
	return Failed, "mysql login: " + netCause(err, took)
}
