// Package e2e runs real clients against real MariaDB servers, directly and through Segue, and requires the same
// answers; and it restarts real servers under clients that must not notice. It holds tests only.
//
// # What runs
//
// setup.sh installs the programs. Each test starts MariaDB servers of its own (their own data, ports and sockets, an
// unprivileged user), each with a small health endpoint beside it, and stops them when it ends.
//
// A client is a program under clients/. Called as
//
//	PROGRAM HOST PORT USER PASSWORD SCRATCH_DATABASE suite
//
// it prints one line per check, `name<TAB>value`, in which nothing tells one server from another: no ids, versions,
// ports or times. An outcome that the program did not expect is printed as `!UNEXPECTED …`. Called with `connect N` in
// place of `suite` it connects, asks one question and disconnects, N times.
//
// The lines printed against one server directly and through Segue in front of three must be equal, must be as many
// as clients_test.go says, none may be unexpected, and those that every client can compute have values the
// harness knows (expected_test.go): a client that prints nothing, or the same nonsense twice, fails.
//
// # What a client does
//
// Each check uses a connection of its own, since through Segue two connections reach two servers; what a check
// writes it writes into temporary tables, or into its scratch database and removes it before.
//
// # Jobs
//
// TestJobs has software at work that stands on a warehouse: dbt with dbt-starrocks, SQLAlchemy's dialect for StarRocks, Connector/J and MariaDB Connector/J asked for all their metadata, and
// the statements of Superset, DBeaver and Metabase (fesim's testdata/tools.sql). Each program under clients/jobs does a round for each line on its standard input.
//
// # Logins
//
// The TestMovePlugins tests log in as Segue does for moves and probes, by each authentication plugin of MariaDB 10.11 and 11.4 and of TiDB, in each mode of TLS, by TCP and by UNIX
// sockets. The servers show certificates of an authority of the test's own (tls_test.go), right ones and wrong ones.
//
// # Shells and the manual
//
// TestShellsComplete has bash, zsh and fish complete command lines of segue; TestManPages has man and mandoc read its manual;
// TestOpenAPILint has redocly read the description of the admin API.
//
// # Sessions that move
//
// The TestMove tests run the program itself, `segue serve` with a file, and steer it by its own commands. Behind it stand
// three backends (a fleet): simulated FEs, MariaDB servers that the operator drains before he stops them, or TiDB servers,
// which tidb/build.sh builds from Go modules alone, at the version that tidb/go.mod pins. While the backends leave and come back one by one, clients
// verify what their sessions hold by each statement: a user variable, a session variable, the current database, a prepared
// statement. They count every error, with nothing retried, and write rows under ids of their own, by which a ledger finds statements
// that were executed twice and acknowledged ones that were lost.
//
// TestMoveUpgrade takes MariaDB servers from Debian's release to the next long-term one (releases_test.go), one by one, each with its data, and has single
// sessions go from either to the other.
//
// TestMoveRollout… have `segue rollout run` do it: MariaDB's upgrade, replicas before the primary, and a restart of TiDB servers; its terminal is killed at a hook, and it is resumed.
//
// The same clients see backends killed one by one (TestMoveCrash), all at once (TestMoveAllDown), and stopped where they stand
// (TestMoveFrozen). A client keeps its connection after an ERR_Packet. Excused is what cannot be helped: one error, in Segue's words, for a
// write or a transaction that was under way.
//
// The TestMoveHung tests make one backend hang instead: its process is stopped, or the network to it swallows everything, for which a server's
// address is put into a network namespace. That takes root's rights.
//
// # Consistency
//
// The TestMoveCheck tests make incidents happen, in random order from a seed (incident_test.go): kills, freezes, drains, exits, reloads,
// and whatever a network does, by cables between Segue and the backends (cable_test.go). Meanwhile clients write rows, move money, count, and
// ask what only they can be answered (check_workers_test.go). Each statement is judged by itself, and in the end what the backends
// hold, by pure functions (check_judge_test.go), against the rules listed there. TestMoveCheckFinds builds Segue with a fault in it, one
// for each rule, and requires that the check finds it.
//
// The backends of a fleet share no data, but for the FEs: a row counts wherever it is, transfers and counters are judged on each server.
//
// clients/querytimeout has a JDBC driver run into setQueryTimeout again and again, called as HOST PORT USER PASSWORD DATABASE URL_SCHEME SSL_MODE. For
// each line of standard input it prints what came of one statement, after how many milliseconds, and what the next one was answered.
//
// # Chaos at the edges
//
// TestMoveChaos has the clients of a check run while things happen around Segue, at random from a seed (chaos_plan_test.go): it is stopped, nobody reads its log, it
// may open few files, its disk is full, crowds and hostile clients come, a backend lies, it is reloaded, and taken over from. What hostile sides say is
// backend/wire/wiretest's corpus. In the end nothing may be left: neither errors nor descriptors nor Segues.
//
// # Constant motion
//
// TestMoveCorpus plays tests of MariaDB's own (testdata/corpus.txt has their names), TestMoveDriver, TestMovePyMySQL and TestMoveMySQL2 those of drivers, on one server behind two addresses:
// go-sql-driver/mysql's come with its module, PyMySQL's with an older source package, and what mysql2's try is in clients/mysql2/sessions.js.
// The Segue between is built with a few places of its source edited (motions_test.go), so that each session moves after every statement, or loses its connection
// after every third. What comes of it must be what comes of it without.
//
// # TLS
//
// TestMoveTLS… have MariaDB's releases and TiDB show certificates of an authority of the test's own (tls_test.go), with an account for each of their plugins
// (plugins_test.go), and Segue on TLS on either side (tls_segue_test.go). TestMoveTLSMatrix is the whole cross product by go-sql-driver; clients/tls holds the others, as
// tls_clients_test.go says. TestMoveCheckTLS, and parts of TestMoveKill and TestMoveAllDown, are those tests with TLS on both sides; so is TestMoveDriverTLS,
// without motion, and TestMoveCorpus with -corpus-tls, whose server has no TLS.
//
// # The status page
//
// TestPage has Chromium look at the status page of a running Segue (clients/page): during an upgrade under load, with a thousand sessions, in an outage, by keyboard alone,
// on a narrow screen, with what strangers write as markup, and while Segue is started anew; axe-core judges it. -shots DIRECTORY leaves pictures.
//
// # Loads
//
// TestLoadClients has curl, Python's requests, pydoris and doris-stream-load, Node's fetch, Go's net/http, Apache HttpClient 5 and StarRocks' own SDK load through Segue, in each of their ways
// (clients/load; load_client_test.go says how they are called), into simulated FEs and BEs (load_fleet_test.go). The TestMoveLoad tests do the same while things happen at each class of byte
// boundary of a load and its answer: cables that know requests (load_cutter_test.go) have connections cut there, or BEs and FEs killed and drained. A ledger (load_ledger_test.go) compares what
// each client was told with the rows that are there: each that was acknowledged once. TestMoveLoadDirect shows the same without Segue; TestMoveLoadFlink runs jobs of Flink in a process of its own.
//
// # Pools
//
// Real pools do the same as programs of their own under clients/; move_pools_test.go says how they are called.
package e2e
