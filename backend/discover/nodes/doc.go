// Package nodes reads what a cluster says of its nodes: SHOW FRONTENDS, SHOW BACKENDS and SHOW COMPUTE NODES of StarRocks and Doris, TiDB's
// information_schema.cluster_info and tidb_servers_info, the variables of MySQL and MariaDB, and MySQL's group replication. Pure: it gets a [Table] and gives
// [Node] values.
//
// Columns are taken by their names, and by more than one where releases differ: StarRocks has 16 columns in SHOW FRONTENDS and in newer ones an Id in front; Doris
// says IP or Host, and IsMaster where StarRocks has a role LEADER. A table that lacks what a node cannot do without, or has nonsense there, is an error: a list of
// nodes is never guessed.
package nodes
