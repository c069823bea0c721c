// Package cluster finds backends by asking the cluster itself, through any backend that is known: SHOW FRONTENDS of StarRocks and Doris, cluster_info of TiDB,
// the variables and the group replication of MySQL and MariaDB. It tells who leads, too.
//
// A question is one login, one or two statements, and the end of it; nothing is kept open that would count against the servers' connections. It is put to one of the
// backends that are up, chosen by chance, and to the others in turn where that fails. It is put again after the interval, and soon after a backend has come or
// gone, spread over a few seconds: a thousand Segues see the same thing at the same moment.
package cluster
