package nodes

import (
	"strings"
)

// The statements about servers of MySQL and MariaDB.
const (
	// Variables asks a server about itself.
	Variables = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'port', 'report_host', 'report_port', 'read_only', 'super_read_only', 'version', 'server_id', 'wsrep_on')"
	// GroupMembers asks MySQL about its group replication; there are no rows where there is none.
	GroupMembers = "SELECT MEMBER_ID, MEMBER_HOST, MEMBER_PORT, MEMBER_STATE, MEMBER_ROLE, MEMBER_VERSION FROM performance_schema.replication_group_members"
)

// ParseServer reads the answer to [Variables]: the server that was asked at address, "host:port". It is a primary if it takes writes, that is, if neither
// read_only nor super_read_only is on.
//
// https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_read_only
func ParseServer(t Table, address string) (Node, error) {
	r := &reader{t: t, what: "SHOW GLOBAL VARIABLES"}
	values := make(map[string]string)
	_, err := r.each(func(row int) (Node, bool) {
		values[strings.ToLower(r.must(row, "Variable_name"))] = r.text(row, "Value")
		return Node{}, false
	})
	if err != nil {
		return Node{}, err
	}
	n := Node{
		ID: values["server_id"], Name: values["hostname"], Host: hostOf(address), Kind: Server, Type: "mysql", Address: address, Alive: true, Answering: true,
		Version: values["version"], Tablets: -1, RunningQueries: -1,
	}
	if strings.Contains(strings.ToLower(n.Version), "mariadb") {
		n.Type = "mariadb"
	}
	if n.Name == "" {
		n.Name = address
	}
	switch writable, known := isOff(values["read_only"]); {
	case !known: // not said: no guess
	case writable && values["super_read_only"] != "ON" && values["super_read_only"] != "1":
		n.Role = Primary
	default:
		n.Role = Replica
	}
	return n, nil
}

// isOff reads a variable of which everything but OFF forbids something: newer MariaDB has more words than ON.
func isOff(v string) (off, known bool) {
	switch strings.ToUpper(v) {
	case "":
		return false, false
	case "OFF", "0":
		return true, true
	}
	return false, true
}

// ParseGroupMembers reads the answer to [GroupMembers].
//
// https://dev.mysql.com/doc/refman/8.4/en/performance-schema-replication-group-members-table.html
func ParseGroupMembers(t Table) ([]Node, error) {
	r := &reader{t: t, what: "replication_group_members"}
	return r.each(func(row int) (Node, bool) {
		if r.text(row, "MEMBER_HOST") == "" { // group replication is there, and has not been started
			return Node{}, false
		}
		host := r.host(row, "MEMBER_HOST")
		r.must(row, "MEMBER_PORT")
		n := Node{
			ID: r.text(row, "MEMBER_ID"), Host: host, Kind: Server, Type: "mysql", Address: r.at(row, host, "MEMBER_PORT"),
			StatusCode: r.must(row, "MEMBER_STATE"), Version: r.text(row, "MEMBER_VERSION"), Tablets: -1, RunningQueries: -1,
		}
		n.Name = n.Address
		n.Alive = n.StatusCode == "ONLINE" || n.StatusCode == "RECOVERING"
		switch strings.ToUpper(r.text(row, "MEMBER_ROLE")) { // 5.7 has none
		case "PRIMARY":
			n.Role = Primary
		case "SECONDARY":
			n.Role = Replica
		}
		return n, n.Address != ""
	})
}
