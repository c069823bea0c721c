// Package fesim simulates a StarRocks FE, and a cluster of them: the MySQL port, /api/health and /api/bootstrap, and above
// all the ways in which an FE leaves. Tests, the demo and the bench put Segue in front of it.
//
// It follows what was read in the FE's source: the graceful exit (SIGUSR1) in three generations of code, the sweep that closes
// idle sessions by a bare FIN, the status flags that never tell of a transaction, the prepared statements that only take SELECT,
// ids that differ from FE to FE. [Generation] tells the generations apart; [Fault] adds what goes wrong in the world. With
// [Options.Flavor] it leaves as a Doris FE or a TiDB server does. What could not be read there and is a guess is
// marked so.
//
// A cluster may have BEs and CNs too ([Cluster.AddBE]): their ports, web server and settings, what FEs learn of them by heartbeat (StatusCode OK, SHUTDOWN,
// DISCONNECTED), statements that have a part of theirs run there, tablets that lack a replica while one is away, and loads and schema changes ([Cluster.Begin])
// that fail with it.
//
// # Life of an FE
//
//	New → Start → (serving) → GracefulExit → exit 0, or 255 after MaxExit
//	                        → Terminate, Kill → gone at once
//	      Start …: again, at the same addresses, with nothing left of the life before
//
// and of a BE
//
//	AddBE → Start → (serving) → Stop(true)  → exit 0, when its fragments have ended or its loops are over
//	                          → Stop(false) → gone at once
//
// Each life has one goroutine, life.run, that starts everything and returns after all of it has ended; [FE.Wait] waits for it.
//
// # Loads
//
// FEs and BEs take Stream Loads by HTTP: PUT to any FE, 307 to a BE, a transaction at the leader before the BE says 100, rows when it is committed. Any table of
// a known database can be loaded into; it need not have been created. [Cluster.Loaded] tells what is in it, [Cluster.LoadTxns] and [Cluster.LoadLabel] what has
// become of transactions, also of those that the cluster itself has forgotten. [FE.InjectLoad] and [BE.InjectLoad] make something go wrong at a step
// of a load. The rules, each with the class in which it was read; tests carry the same numbers:
//
//	L1   FE: HTTP/1.1 without Expect: 100-continue is answered 200, FAILED                       LoadAction
//	L2   … HTTP/1.0 needs none                                                                   LoadAction.isExpectHeaderValid
//	L3   wrong password: 401                                                                     RestBaseAction
//	L4   307 to BEs in turn; always http, same path and query; later releases close              LoadAction, RestBaseAction.redirectTo
//	     the connection ([Options.KeepLoadConnections])
//	L5   get_load_state is answered by the leader alone, others redirect to it                   GetStreamLoadState
//	L6   so are transactions                                                                     TransactionLoadAction
//	L7   so are loads with enable_merge_commit                                                   LoadAction
//	L8   nobody alive: 200, FAILED                                                               LoadAction
//	L9   while there is no leader, followers name the last one                                   RestBaseAction.redirectToLeader
//	L10  shared data: a CN of the warehouse                                                      LoadAction
//	L11  G4: 503 after the window, but not to prepare, commit and rollback; G2, G3: full service GracefulExitFlag; what else is admitted is a guess
//	L12  a label that was used: "Label Already Exists", FINISHED                                 DatabaseTransactionMgr.beginTransaction
//	L13  … that is in use (PREPARED, too): RUNNING; after an abort it is free                    LabelAlreadyUsedException
//	L14  too many rows filtered: Fail, ErrorURL at the BE                                        stream_load_executor.cpp
//	L15  no row: Fail                                                                            empty_load_as_error
//	L16  unknown database or format: Fail before 100                                             stream_load.cpp, on_header
//	L17  CSV with its separators, JSON and arrays of it, gzip; Parquet and ORC count as one row  stream_load.cpp; StarRocks does not take the last two
//	L18  chunked bodies; a client that goes before the end aborts its transaction                ~StreamLoadContext
//	L19  labels are forgotten by number and age                                                  label_keep_max_num, label_keep_max_second
//	L20  a BE dies before its commit: the leader aborts when its heartbeats have failed          HeartbeatMgr, abortTxnWhenCoordinateBeDown
//	L21  … after it: VISIBLE, and no answer
//	L22  the leader dies: PREPARE is in no journal, its label is UNKNOWN and free                DatabaseTransactionMgr.unprotectUpsertTransactionState
//	L23  … after the commit: "Transaction status unknown", VISIBLE                               stream_load_executor.cpp, commit_txn
//	L24  a commit without an answer is tried once more; after that it is rolled back             commit_txn, StreamLoadAction::handle
//	L25  no leader at the begin: Fail, no transaction                                            begin_txn
//	L26  cuts, resets and hangs at every step                                                    faults, no rule of theirs
//	L27  a BE that exits refuses new loads                                                       process_exit_in_progress
//	L28  … and the leader aborts those in flight at its SHUTDOWN, but in the newest code         HeartbeatMgr; [Options.SpareLeavingLoads]
//	L29  Publish Timeout is committed                                                            commit_txn_internal
//	L30  begin, load, prepare, commit; commit and rollback are idempotent                        TransactionWithoutChannelHandler
//	L31  a transaction has one BE; without data it cannot be committed                           TransactionLoadCoordinatorMgr, transaction_mgr.cpp
//	L32  rollback frees the label
//	L33  what has come of a body that was cut stays in the transaction                           transaction_stream_load.cpp, free_handler_ctx
//	L34  one request of a transaction at a time: TXN_IN_PROCESSING                               StreamLoadContext::try_lock
//	L35  PREPARED outlives leader and BE, PREPARE does not
//	L36  several statements: all but the loads at the leader, no prepare                         MultiStatementTransactionHandler
//	L37  timeouts ([Options.LoadTimeScale])                                                      stream_load_default_timeout_second
//	L38  merge commit: a label of its own, the client's is an id of the request                  LoadAction, stream_load.cpp, _handle_batch_write
//	L39  Doris: user:password@ in the Location of old ([Options.LocationCredentials])            httpv2, RestBaseController.redirectTo
//	L40  Doris: two phases, ended by any BE; PRECOMMITTED                                        stream_load_2pc.cpp
//	L41  Doris: group_commit takes no label; _http_stream                                        stream_load.cpp, http_stream.cpp
//	L42  what was loaded is seen by SELECT; of a table that was not created, the keys as id
//	L43  BEs that throttle, and that discard ([BEOptions])
//	L44  redirects, ErrorURL and SHOW BACKENDS have the addresses by which nodes know each other      as behind NAT: [BEOptions.Advertised], [Options.Advertised]
//	L45  _cancel aborts what is in PREPARE, by its label, and nothing else                           CancelStreamLoad, CancelLoadAction
//	L46  FE: a POST is looked at when all of its body has come, and no 100 is said                 StarRocksHttpPostObjectAggregator
//	L47  several statements: until the commit the label is UNKNOWN, and cannot be cancelled by it    TransactionStmtExecutor.beginStmt (4.0)
//	L48  Doris: of a load with group_commit that was cut, what is in the group is committed          GroupCommitBlockSink; [Options.GroupCommitRows]
//	L49  Doris 4: a chunked load loses its label, but with group_commit: off_mode                    stream_load.cpp, _can_group_commit; [Options.DropChunkedLabels]
//	L50  Doris in the cloud: PREPARE is stored; no UNKNOWN but an error                              CloudGlobalTransactionMgr; [Options.Cloud]
//	L51  a leader that is cut off from the others says of labels what it knew                        known of BDB JE; [FE.CutOff]
//
// Simplified: labels are forgotten at once, not when a daemon next looks (30 s); a BE knows the leader at once, not by the next heartbeat, and tries each of its RPCs once, not twice; nothing is planned, so no column is checked but their number; a transaction of several
// statements lies at its BEs and is lost when one of them has ended.
//
// # SQL
//
// Enough for drivers, dbt and BI tools, and for tests to see where a session is and what it holds: SELECT with WITH, JOIN, GROUP BY, HAVING, ORDER BY, UNION
// and subqueries, literals, @@x, @x, ? and functions (CONNECTION_ID(), CURRENT_USER(), DATABASE(), CATALOG(), CURRENT_ROLE(), SLEEP(n), REPEAT(s, n), …), also prepared; SET;
// USE; BEGIN, COMMIT, ROLLBACK; SHOW; DESC; KILL; EXECUTE AS; PREPARE; CREATE TEMPORARY TABLE (which stays empty); databases, tables and views, which the other FEs see
// after [Options.MetadataLag] or SYNC, and INSERT, DELETE, TRUNCATE, RENAME and SWAP of tables; information_schema. Any other statement fails with 1064, as in an FE.
// Types are few: whole numbers, floats (DECIMAL too) and texts (dates too). SHOW FRONTENDS, BACKENDS, COMPUTE NODES, PROC '/statistic', '/cluster_balance' and '/jobs', LOAD, ROUTINE LOAD and
// ALTER TABLE COLUMN, ADMIN SHOW FRONTEND CONFIG, ALTER SYSTEM CREATE IMAGE, ADD and DELETE BACKEND BLACKLIST, and of information_schema be_configs and loads are what an operator asks before an upgrade.
// SELECT @@hostname gives the FE's name. One table is always there, and one function:
//
//	SELECT * FROM fesim.rows(n, bytes[, pause])         n rows (id, payload), each payload bytes long and a function of id alone;
//	                                                    pause milliseconds between two rows
//	INSERT INTO fesim.ledger VALUES ('id'[, …])         counts, in the whole cluster and respecting transactions, how often 'id' was
//	                                                    executed; more values are computed and dropped: SLEEP(1) makes it a slow write
//	SELECT COUNT(*) FROM fesim.ledger WHERE id = 'id'
package fesim
