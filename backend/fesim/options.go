package fesim

import (
	"fmt"
	"log/slog"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// Generation is one of the ways in which released and coming FEs exit gracefully.
type Generation uint8

// The generations.
const (
	G3 Generation = iota // main since PR #69639: no transfer of leadership
	G2                   // 3.5 and 4.0: a leader hands over first, its sweep begins after that
	G4                   // PR #78349, not merged: the MySQL port closes at once, transactions are spared for AcceptWindow + MinExit
)

// String returns G2, G3 or G4.
func (g Generation) String() string {
	switch g {
	case G3:
		return "G3"
	case G2:
		return "G2"
	case G4:
		return "G4"
	}
	return fmt.Sprintf("Generation(%d)", uint8(g))
}

// Options describe an FE. The zero value is an FE of generation G3 with a user root without password, alone in its cluster but
// counted as if others were there. All durations are those of a real FE: TimeScale shortens them.
type Options struct {
	Name         string         // zero: fe-FID
	MySQLAddress string         // zero: 127.0.0.1:0; a port chosen by the system is kept over restarts
	HTTPAddress  string         // as MySQLAddress
	FID          uint8          // the FE's number, top byte of its connection ids; zero: 1
	Flavor       backend.Flavor // StarRocks, Doris or TiDB

	Generation     Generation
	CloseAfterStmt bool // while leaving, close a session right after its statement; false: leave it to the sweep

	// TimeScale multiplies every duration of the FE itself: 0.01 makes it a hundred times faster. SLEEP(n) and the pause of fesim.rows
	// stay as they are. Zero: 1.
	TimeScale    float64
	StartupDelay time.Duration // from Start until the HTTP port listens; zero: none
	MinExit      time.Duration // min_graceful_exit_time_second; zero: 15 s
	MaxExit      time.Duration // max_graceful_exit_time_second; zero: 60 s. Doris: 300 s. TiDB, from the end of GracefulWait on: 15 s
	Sweep        time.Duration // between two sweeps; zero: 1 s
	Idle         time.Duration // how long a session must have been idle to be swept; zero: 1 s
	AcceptWindow time.Duration // G4; zero: 60 s
	GracefulWait time.Duration // TiDB: graceful-wait-before-shutdown; zero: none
	Election     time.Duration // from the leader's end to the next leader; zero: 2 s
	// MetadataLag is how much later than the leader, and than the FE that it came through, the other FEs see a CREATE or a DROP. All FEs of a
	// cluster have that of [NewCluster].
	MetadataLag   time.Duration
	LeaderWait    time.Duration // how long a write waits for a leader; zero: 10 s
	ProxyTimeout  time.Duration // mysql_proxy_protocol_header_timeout_ms; zero: 5 s
	ServerVersion string        // mysql_server_version; zero: that of the flavor
	Version       string        // of the FE itself, as SHOW FRONTENDS and current_version() have it; zero: 3.5.0-fesim

	// What concerns BEs, for all FEs of a cluster as [NewCluster] gets it.
	Heartbeat        time.Duration // between two heartbeats; zero: 5 s
	HeartbeatRetries int           // heartbeat_retry_times: how many may fail in a row before a BE is dead; zero: 3
	Repair           time.Duration // how long after the start of a BE its tablets are being repaired; zero: not at all
	// ExitingIsDead makes the FEs those of 3.3: a BE that answers that it exits is taken for one that does not answer, and statements that run there
	// are cancelled when it counts as dead. Later ones know SHUTDOWN and let statements end.
	ExitingIsDead bool

	// What concerns loads, for all FEs of a cluster as [NewCluster] gets it; the three last ones are each FE's own.
	LabelKeep    time.Duration // label_keep_max_second; zero: 3 days
	LabelKeepMax int           // label_keep_max_num: transactions of a database, finished ones and those that run, beyond which finished ones are forgotten; zero: 1000
	Publish      time.Duration // from COMMITTED to VISIBLE; zero: none
	// SpareLeavingLoads makes the leader leave the loads of a BE alone that says SHUTDOWN, as the newest code does; released code aborts them.
	SpareLeavingLoads   bool
	LoadTimeScale       float64 // multiplies timeouts of loads, which TimeScale does not touch: no test is to fail for being slow; zero: 1
	Cloud               bool    // Doris with a meta service: PREPARE outlives FEs and BEs, and get_load_state fails for a label that nobody knows
	DropChunkedLabels   bool    // Doris 4: a BE forgets the label of a chunked load, but with group_commit: off_mode
	GroupCommitRows     int     // Doris: group_commit_memory_rows_for_max_filter_ratio, rows of a load that are held before they are in the group; zero: 10000; below zero: none, as in 2.0
	SharedData          bool    // run_mode: loads go to CNs of the warehouse that they name
	Advertised          string  // host:port that other FEs name in redirects to it; zero: HTTPAddress
	KeepLoadConnections bool    // releases before PR #52582: an FE does not close the connection after its answer to a load
	LocationCredentials bool    // Doris as it once was: a 307 has user:password@ in it

	Users         map[string]string // name → password, or its hash as *HEX; nil: root without password
	LDAPUsers     map[string]string // name → password; these log in with mysql_clear_password
	Operators     []string          // users with OPERATE and KILL for everyone; nil: root
	Impersonators []string          // users with IMPERSONATE on all users; nil: root
	Databases     []string          // nil: a few, "test" and "demo" among them

	Observer           bool // it has no vote, and never leads
	MaxConnections     int  // qe_max_connection; zero: 4096
	MaxUserConnections int  // max_user_connections, of each user; zero: 1024
	LimitBeforeLogin   bool // the newest code: the limit is told in place of the greeting
	ReportAutocommit   bool // PR #76836: status flags have AUTOCOMMIT
	ProxyProtocol      bool // every peer is trusted and must send a PROXY protocol v1 header
	FrontendsWithID    bool // SHOW FRONTENDS has 17 columns, not 16
	FrontendsHang      bool // SHOW FRONTENDS waits while there is no leader

	Cluster *Cluster     // nil: a cluster of its own
	Seed    uint64       // of all that is chosen at random: salts, the gap between the two ports, who wins a race
	Log     *slog.Logger // nil: nothing is logged
}

// withDefaults replaces zero values by what they mean.
func (o Options) withDefaults() Options {
	set(&o.FID, 1)
	set(&o.Name, fmt.Sprintf("fe-%d", o.FID))
	set(&o.MySQLAddress, "127.0.0.1:0")
	set(&o.HTTPAddress, "127.0.0.1:0")
	set(&o.TimeScale, 1)
	set(&o.MinExit, 15*time.Second)
	switch o.Flavor {
	case backend.Doris:
		set(&o.MaxExit, 300*time.Second)
		set(&o.ServerVersion, "5.7.99")
		set(&o.Version, "doris-2.1.7")
	case backend.TiDB:
		set(&o.MaxExit, 15*time.Second)
		set(&o.ServerVersion, "8.0.11-TiDB-v8.5.0")
		set(&o.Version, "8.5.0")
	default:
		set(&o.MaxExit, 60*time.Second)
		set(&o.ServerVersion, "8.0.33")
	}
	set(&o.Sweep, time.Second)
	set(&o.Idle, time.Second)
	set(&o.AcceptWindow, 60*time.Second)
	set(&o.Election, 2*time.Second)
	set(&o.LeaderWait, 10*time.Second)
	set(&o.Version, starRocksVersion)
	set(&o.Heartbeat, 5*time.Second)
	set(&o.HeartbeatRetries, 3)
	set(&o.ProxyTimeout, 5*time.Second)
	set(&o.LabelKeep, 3*24*time.Hour)
	set(&o.LabelKeepMax, 1000)
	set(&o.LoadTimeScale, 1)
	set(&o.GroupCommitRows, 10_000)
	set(&o.MaxConnections, 4096)
	set(&o.MaxUserConnections, 1024)
	if o.Users == nil {
		o.Users = map[string]string{"root": ""}
	}
	if o.Operators == nil {
		o.Operators = []string{"root"}
	}
	if o.Impersonators == nil {
		o.Impersonators = []string{"root"}
	}
	if o.Databases == nil {
		o.Databases = []string{"_statistics_", "app", "db1", "db2", "demo", "fesim", "information_schema", "sys", "test"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// set gives *field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// scaled turns a duration of a real FE into that of this one.
func (o *Options) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * o.TimeScale)
}

// tick is scaled for a ticker, which needs something above zero.
func (o *Options) tick(d time.Duration) time.Duration {
	return max(o.scaled(d), time.Millisecond)
}

// capabilities are those of the greeting: 0x0038820C, as MysqlCapability.DEFAULT_CAPABILITY. What a client asks for is ignored.
const capabilities = wire.ClientLongFlag | wire.ClientConnectWithDB | wire.ClientProtocol41 | wire.ClientSecureConnection |
	wire.ClientPluginAuth | wire.ClientConnectAttrs | wire.ClientPluginAuthLenencClientData
