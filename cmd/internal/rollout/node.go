package rollout

import (
	"slices"
	"strings"
	"time"
)

// Kind is what a node is in its cluster.
type Kind string

// The kinds.
const (
	Frontend Kind = "frontend" // StarRocks, Doris: FE
	Backend  Kind = "backend"  // StarRocks, Doris: BE, which holds data
	Compute  Kind = "compute"  // StarRocks: CN
	Server   Kind = "server"   // TiDB, MySQL, MariaDB
)

// Role is what a node does among those of its kind.
type Role string

// The roles. A node of which nothing is known has none.
const (
	NoRole   Role = ""
	Leader   Role = "leader" // of frontends; Doris calls it master
	Follower Role = "follower"
	Observer Role = "observer" // a frontend that has no vote
	Primary  Role = "primary"  // a server that takes writes
	Replica  Role = "replica"  // a server with read_only
)

// Node is one node as the cluster tells of it, joined with what it says itself.
type Node struct {
	ID      string `json:"id,omitempty"` // BackendId or ComputeNodeId
	Name    string `json:"name"`         // unique in the cluster; what hooks and operators call it
	Host    string `json:"host"`
	Kind    Kind   `json:"kind"`
	Role    Role   `json:"role,omitempty"`
	Address string `json:"address,omitempty"` // MySQL port, host:port; empty for backends and compute nodes
	HTTP    string `json:"http,omitempty"`    // host:port
	// Alive is what the cluster says, which may be late: a frontend that leaves is alive until heartbeats fail.
	Alive      bool   `json:"alive"`
	StatusCode string `json:"status_code,omitempty"` // OK, SHUTDOWN or DISCONNECTED; of backends and compute nodes, where the release has it
	// Disabled says that somebody has told frontends not to give it work, where they tell (Doris), DisabledFor of what alone: query or load; empty: of both.
	Disabled    bool   `json:"disabled,omitempty"`
	DisabledFor string `json:"disabled_for,omitempty"`
	Version     string `json:"version,omitempty"`
	ErrMsg      string `json:"err_msg,omitempty"`
	// Start is when the node's process was started, by its own or its leader's clock and in whatever time zone: compared with itself alone. Zero: not known.
	Start time.Time `json:"start,omitzero"`
	// Uptime is how long the process of a server has run, by its own word and in whole seconds; it is known where Start is. Start is this machine's time minus it, and is off by what
	// clocks differ and an answer takes.
	Uptime time.Duration `json:"uptime_ns,omitempty"`
	// Exact says that Start is by the node's own word, which the same process always gives alike; otherwise a server's Uptime tells processes apart.
	Exact bool `json:"exact,omitempty"`
	// Journal is the last entry of the metadata journal that a frontend has replayed; 0: not known.
	Journal int64 `json:"journal,omitempty"`
	// Listening tells whether the node's ports took a connection just now (No: its host refused it, which no trouble on the way there does), Healthy whether it said there that it is well. Trouble says why it is not.
	Listening Answer `json:"listening,omitempty"`
	Healthy   Answer `json:"healthy,omitempty"`
	Trouble   string `json:"trouble,omitempty"`
	// Aliases are other addresses of the MySQL port: Segues may know the node by one of them.
	Aliases []string `json:"-"`
}

// Answer is what is known of a question.
type Answer string

// The answers. The zero value is that nothing is known.
const (
	Unknown Answer = ""
	Yes     Answer = "yes"
	No      Answer = "no"
)

// votes tells whether the node is part of the frontends' quorum.
func (n *Node) votes() bool { return n.Kind == Frontend && n.Role != Observer }

// gone tells whether nobody sees the node any more: it takes no connection, and the cluster has noticed where it tells of that in time. A frontend's
// heartbeats fail late, and nothing hangs on their being seen; a backend's do: while it counts as alive, queries are planned on it.
func (n *Node) gone() bool {
	switch {
	case n.Listening == Yes:
		return false
	case n.StatusCode != "":
		return strings.EqualFold(n.StatusCode, "DISCONNECTED")
	case n.Kind == Server && n.Listening == Unknown:
		return false // PD forgets a server that is cut off from it, too
	case n.Kind == Backend || n.Kind == Compute || n.Listening == Unknown:
		return !n.Alive
	}
	return true
}

// serves is empty while the node is up by all that is known of it, and says why it is not.
func (n *Node) serves() (trouble string) {
	switch {
	case !n.Alive && n.ErrMsg != "":
		return "the cluster says that it is not alive: " + n.ErrMsg
	case !n.Alive:
		return "the cluster says that it is not alive"
	case n.StatusCode != "" && !strings.EqualFold(n.StatusCode, "OK"):
		return "its StatusCode is " + n.StatusCode
	case n.Healthy == No || n.Listening == No:
		return n.Trouble
	}
	return ""
}

// is tells whether an address is that of the node's MySQL port.
func (n *Node) is(address string) bool {
	return address != "" && (address == n.Address || slices.Contains(n.Aliases, address))
}

// stores tells whether the node is one that frontends give work to.
func (n *Node) stores() bool { return n.Kind == Backend || n.Kind == Compute }
