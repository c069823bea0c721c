package wire

import "testing"

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		e    Err
		want Refusal
	}{
		{Err{Code: 1040, Message: "Too many connections"}, ServerFull},
		{Err{Code: 1040, State: "08004", Message: "Too many connections"}, ServerFull},
		{Err{Code: 1135, Message: "Can't create a new thread (errno 11)"}, ServerFull},
		{Err{Code: 1064, State: "HY000", Message: "Reach cluster-wide connection limit, qe_max_connection=1, connectionMap.size=1, node=a"}, ServerFull},
		{Err{Code: 1064, State: "HY000", Message: "Reach user-level(qualifiedUser: u) connection limit, currentUserMaxConn=1"}, AccountFull},
		{Err{Code: 1064, State: "HY000", Message: "Reach limit of connections"}, AccountFull},
		{Err{Code: 1203, State: "42000", Message: "Reach limit of connections. Total: 1024, User: 100, Current: 100"}, AccountFull},
		{Err{Code: 1203, State: "42000", Message: "Reach limit of connections. Total: 1024, User: 100, Current: 1024"}, ServerFull},
		{Err{Code: 1203, State: "42000", Message: "Reach limit of connections. Total: 100, User: 100, Current: 100"}, AccountFull},
		{Err{Code: 1203, State: "42000", Message: "User u already has more than 'max_user_connections' active connections"}, AccountFull},
		{Err{Code: 1226, State: "42000", Message: "User 'u' has exceeded the 'max_user_connections' resource (current value: 1)"}, AccountFull},
		{Err{Code: 1045, State: "28000", Message: "Access denied"}, AccountRefused},
		{Err{Code: 1698, State: "28000", Message: "Access denied"}, AccountRefused},
		{Err{Code: 9999, State: "28000", Message: "of another server"}, AccountRefused},
		{Err{Code: 1862, State: "HY000", Message: "Your password has expired"}, AccountRefused},
		{Err{Code: 3118, State: "HY000", Message: "Account is locked."}, AccountRefused},
		{Err{Code: 3955, State: "HY000", Message: "Account is blocked for 1 day(s)"}, AccountRefused},
		{Err{Code: 4150, State: "HY000", Message: "User is blocked because of too many credential errors"}, AccountRefused},
		{Err{Code: 4151, State: "HY000", Message: "Access denied, this account is locked"}, AccountRefused},
		{Err{Code: 1044, State: "42000", Message: "Access denied to the database"}, RefusalOther}, // the password was right
		{Err{Code: 1049, State: "42000", Message: "Unknown database"}, RefusalOther},
		{Err{Code: 1053, State: "08S01", Message: "Server shutdown in progress"}, RefusalOther},
		{Err{Code: 1129, Message: "Host is blocked"}, RefusalOther},
		{Err{Code: 1130, Message: "Host is not allowed to connect"}, RefusalOther},
		{Err{Code: 1064, State: "42000", Message: "You have an error in your SQL syntax"}, RefusalOther},
	} {
		if got := c.e.Refuses(); got != c.want {
			t.Errorf("%v: %d, want %d", &c.e, got, c.want)
		}
	}
}
