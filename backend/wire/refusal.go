package wire

import (
	"fmt"
	"slices"
	"strings"
)

// Refusal is what an ERR_Packet says that comes in place of a greeting, or ends a login.
type Refusal uint8

// The refusals.
const (
	RefusalOther   Refusal = iota // anything else
	ServerFull                    // the server has as many connections as it may have, and serves those
	AccountFull                   // the account has; others are let in
	AccountRefused                // the account is not let in so: its password is wrong, it is locked, or wants another plugin or TLS
)

// fullServers are the codes of ServerFull.
var fullServers = []uint16{
	1040, // ER_CON_COUNT_ERROR: in place of the greeting, or of the OK_Packet of an account that may not use the spare connection
	1135, // ER_CANT_CREATE_THREAD, in place of the greeting
}

// fullAccounts are the codes of AccountFull.
var fullAccounts = []uint16{
	1203, // ER_TOO_MANY_USER_CONNECTIONS
	1226, // ER_USER_LIMIT_REACHED: max_user_connections, max_connections_per_hour
}

// refusedAccounts are the codes of AccountRefused, beside all that has the SQLSTATE 28000 (invalid authorization specification).
//
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
// https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
// StarRocks: fe-core, com/starrocks/common/ErrorCode.java
var refusedAccounts = []uint16{
	1045, // ER_ACCESS_DENIED_ERROR
	1251, // ER_NOT_SUPPORTED_AUTH_MODE
	1275, // ER_SERVER_IS_IN_SECURE_AUTH_MODE: the password is stored in the format of before 4.1
	1524, // ER_PLUGIN_IS_NOT_LOADED
	1698, // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
	1862, // ER_MUST_CHANGE_PASSWORD_LOGIN
	3118, // ER_ACCOUNT_HAS_BEEN_LOCKED
	3159, // ER_SECURE_TRANSPORT_REQUIRED
	3955, // ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK: FAILED_LOGIN_ATTEMPTS; TiDB and Doris too
	4150, // MariaDB: ER_USER_IS_BLOCKED: max_password_errors
	4151, // MariaDB: ER_ACCOUNT_HAS_BEEN_LOCKED
	5205, // StarRocks: ERR_SECURE_TRANSPORT_REQUIRED
}

const stateNotAuthorized = "28000"

// The beginnings of what StarRocks and Doris say, under code 1064 mostly. "Cluster-wide" is the one FE that says it.
const (
	starRocksFull     = "Reach cluster-wide connection limit"
	starRocksUserFull = "Reach user-level"
	someLimit         = "Reach limit of connections" // Doris, and StarRocks of old: of the account, or of the FE
)

// Refuses tells what the server refuses. It is to be asked of what comes in place of a greeting, or ends a login.
func (m *Err) Refuses() Refusal {
	switch {
	case slices.Contains(fullServers, m.Code), strings.HasPrefix(m.Message, starRocksFull):
		return ServerFull
	case strings.HasPrefix(m.Message, someLimit):
		return m.someLimit()
	case slices.Contains(fullAccounts, m.Code), strings.HasPrefix(m.Message, starRocksUserFull):
		return AccountFull
	case slices.Contains(refusedAccounts, m.Code), m.State == stateNotAuthorized:
		return AccountRefused
	}
	return RefusalOther
}

// someLimit tells which limit Doris speaks of: the count is that of the one that was reached. Where it does not tell it is taken for the smaller one.
func (m *Err) someLimit() Refusal {
	var total, user, current int
	if n, _ := fmt.Sscanf(m.Message, someLimit+". Total: %d, User: %d, Current: %d", &total, &user, &current); n == 3 && current >= total && current > user {
		return ServerFull
	}
	return AccountFull
}
