package nodes

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Table is what a statement has answered; [segue/backend/discover/sql.Table] is one.
type Table interface {
	// Len is the number of rows.
	Len() int
	// Get gives the value in a row of the first of the columns that there is, whatever their case; NULL is empty.
	Get(row int, columns ...string) (value string, ok bool)
}

// Kind is what a node is for.
type Kind uint8

// The kinds.
const (
	Other    Kind = iota // none of these: TiDB's pd, tiproxy, ticdc
	Server               // speaks MySQL, and there are no kinds: MySQL, MariaDB, TiDB
	Frontend             // speaks MySQL: FE of StarRocks and Doris
	Backend              // stores data: BE; TiDB's tikv and tiflash
	Compute              // computes only: CN of StarRocks, a compute node of Doris
)

var kindNames = [...]string{"other", "server", "frontend", "backend", "compute"}

// String gives the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Role is what a node is among its like.
type Role uint8

// The roles.
const (
	None     Role = iota // nothing is known, or all are alike
	Leader               // of FEs: writes go through it
	Follower             // of FEs: votes, may become the leader
	Observer             // of FEs: does not vote
	Primary              // takes writes
	Replica              // does not
	numRoles
)

var roleNames = [numRoles]string{"", "leader", "follower", "observer", "primary", "replica"}

// String gives the role's name; that of None is empty.
func (r Role) String() string {
	if r < numRoles {
		return roleNames[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText implements [encoding.TextMarshaler].
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Writes reports whether the node is the one that writes go through: the leader, or the primary.
func (r Role) Writes() bool { return r == Leader || r == Primary }

// Node is what a cluster says of one of its nodes. What it does not say is empty.
type Node struct {
	ID   string // a number, as the cluster has it: Id, BackendId, ComputeNodeId
	Name string // as the cluster has it; "host:port" as ALTER SYSTEM takes it where nodes have none
	Host string // a name or an IP address
	// Cluster is the id of the cluster that it is of; empty: not said.
	Cluster string
	Kind    Kind
	Type    string // in the cluster's own word: "FE", "BE", "CN", "tidb", "tikv"
	Role    Role
	// Address is where it speaks MySQL, "host:port". Empty: it does not; or, an FE, has not told the others yet.
	Address string
	// HTTP is where it answers HTTP, "host:port". In the answer of a StarRocks FE all FEs have the HTTP port of the one that answers.
	HTTP string
	// HTTPGuessed: HTTP is what another node says of it, which guesses the port.
	HTTPGuessed bool
	Alive       bool // says the cluster; a leaving StarRocks FE is, until heartbeats fail
	// StatusCode is that of StarRocks' BE and CN: OK, SHUTDOWN (is leaving), DISCONNECTED (is gone). Empty: this release has none.
	StatusCode string
	Version    string
	Zone       string
	Labels     map[string]string // TiDB's; of a StarRocks BE or CN: its location
	ErrMsg     string            // what the last heartbeat failed with
	// LastStart and LastHeartbeat are by the clock and in the zone of the cluster, which does not name it: they are good to be compared with one another, and
	// are given in UTC.
	LastStart, LastHeartbeat time.Time
	Uptime                   time.Duration // of TiDB and what stands beside it: since LastStart; 0: not said
	Decommissioned           bool          // of a BE or CN: it is being emptied, or has been
	Disabled                 bool          // Doris: somebody has told FEs not to give the BE queries, or loads
	DisabledFor              string        // … which of them, where it is one alone: query or load
	Tablets                  int           // of a BE; -1: not said
	RunningQueries           int           // of a BE or CN; -1: not said
	Answering                bool          // it is the one that has answered; only newer Doris says so
}

// mostRows bounds a list: no cluster has as many nodes.
const mostRows = 10_000

// reader reads rows of one table.
type reader struct {
	t    Table
	what string // the statement
	err  error  // the first
}

// each reads every row.
func (r *reader) each(read func(row int) (Node, bool)) ([]Node, error) {
	if n := r.t.Len(); n > mostRows {
		return nil, fmt.Errorf("%s: %d rows are not a list of nodes", r.what, n)
	}
	var list []Node
	for row := range r.t.Len() {
		n, ok := read(row)
		if r.err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", r.what, row+1, r.err)
		}
		if ok {
			list = append(list, n)
		}
	}
	return list, nil
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// text gives a value, "" if there is none. StarRocks writes NULL as a word, too; Java writes null.
func (r *reader) text(row int, columns ...string) string {
	v, _ := r.t.Get(row, columns...)
	if v = strings.TrimSpace(v); strings.EqualFold(v, "null") || v == `\N` {
		return ""
	}
	return v
}

// must is text of a column without which there is no node.
func (r *reader) must(row int, columns ...string) string {
	if _, ok := r.t.Get(row, columns...); !ok {
		r.fail("no column %s", strings.Join(columns, ", nor "))
		return ""
	}
	return r.text(row, columns...)
}

// host is a column with a name or an address.
func (r *reader) host(row int, columns ...string) string {
	v := r.must(row, columns...)
	if r.err == nil && !isHost(v) {
		r.fail("%s is %.80q, which is no host", columns[0], v)
	}
	return v
}

// isHost accepts names and addresses, without judging whether they lead anywhere.
func isHost(v string) bool {
	if v == "" || len(v) > 253 {
		return false
	}
	return !strings.ContainsFunc(v, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune(".-_:%", c)
	})
}

// at is a host's address by the port in a column: empty if the port is 0, which is not known yet.
func (r *reader) at(row int, host string, columns ...string) string {
	v := r.text(row, columns...)
	if v == "" || v == "0" || v == "-1" {
		return ""
	}
	if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 65535 {
		r.fail("%s is %.40q, which is no port", columns[0], v)
		return ""
	}
	return net.JoinHostPort(host, v)
}

// address is a column with "host:port"; empty stays empty.
func (r *reader) address(row int, columns ...string) string {
	v := r.text(row, columns...)
	if v == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(v)
	if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 0 || n > 65535 || !isHost(host) {
		r.fail("%s is %.80q, which is no host:port", columns[0], v)
		return ""
	}
	if port == "0" {
		return ""
	}
	return v
}

// truth is a column that says true or false.
func (r *reader) truth(row int, columns ...string) bool {
	switch v := r.text(row, columns...); strings.ToLower(v) {
	case "true", "yes", "on", "1":
		return true
	case "", "false", "no", "off", "0":
	default:
		r.fail("%s is %.40q, which is neither true nor false", columns[0], v)
	}
	return false
}

// number is a column with a number; -1 if there is none.
func (r *reader) number(row int, columns ...string) int {
	n, err := strconv.Atoi(r.text(row, columns...))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// when is a column with a time; zero if it says none.
func (r *reader) when(row int, columns ...string) time.Time {
	v := r.text(row, columns...)
	for _, layout := range []string{time.DateTime, time.RFC3339} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
