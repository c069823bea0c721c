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
