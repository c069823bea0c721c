package measure

import (
	"fmt"
	"slices"
	"strings"
)

// Flavor is whose SQL the endpoint speaks.
type Flavor string

// The flavors.
const (
	Auto      Flavor = "auto" // ask the server
	MySQL     Flavor = "mysql"
	TiDB      Flavor = "tidb"
	StarRocks Flavor = "starrocks"
	Doris     Flavor = "doris"
	FESim     Flavor = "fesim" // the simulated FE, which has one table, and that under its own name
)

// ParseFlavor reads a flavor's name.
func ParseFlavor(name string) (Flavor, error) {
	all := []Flavor{Auto, MySQL, TiDB, StarRocks, Doris, FESim}
	if f := Flavor(strings.ToLower(name)); slices.Contains(all, f) {
		return f, nil
	}
	return "", fmt.Errorf("unknown flavor %q: want auto, mysql (MariaDB too), tidb, starrocks, doris or fesim", name)
}

// flavorOf tells a flavor by what a server says of itself.
func flavorOf(version, comment string) Flavor {
	said := strings.ToLower(version + " " + comment)
	switch {
	case strings.Contains(said, "tidb"):
		return TiDB
	case strings.Contains(said, "starrocks"):
		return StarRocks
	case strings.Contains(said, "doris"):
		return Doris
	}
	return MySQL
}

// dialect is the SQL of one run.
type dialect struct {
	flavor   Flavor
	database string // where sessions go with USE
	table    string // of the ledger, with its database; "": nothing is written
	loads    string // the table of loads, likewise; "": nothing is loaded
	prepares bool   // the server prepares statements
}

// mostWrites is how often per second one client may write: each INSERT is a version
// of a tablet in an analytic database, and these are merged at leisure. Zero: as
// often as it likes.
func (d *dialect) mostWrites() float64 {
	if d.flavor == StarRocks || d.flavor == Doris {
		return 1
	}
	return 0
}

// takesLoads tells whether there is Stream Load.
func (d *dialect) takesLoads() bool {
	return d.flavor == StarRocks || d.flavor == Doris || d.flavor == FESim
}

// createLoads is how the table of loads is made: its rows have an id and something
// that makes them long. No key is unique here either.
func (d *dialect) createLoads() string {
	return "CREATE TABLE " + d.loads + " (id VARCHAR(96) NOT NULL, filler VARCHAR(65533)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 " +
		`PROPERTIES ("replication_num" = "1")`
}

// createTable is how the ledger's table is made. No key is unique: a row that was
// written twice must be found twice.
func (d *dialect) createTable() string {
	switch d.flavor {
	case StarRocks, Doris:
		return "CREATE TABLE " + d.table + " (id VARCHAR(64) NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 " +
			`PROPERTIES ("replication_num" = "1")`
	case Auto, MySQL, TiDB, FESim:
	}
	return "CREATE TABLE " + d.table + " (n BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64) NOT NULL, KEY (id))"
}

// insert writes the row with that id.
func (d *dialect) insert(id string) string {
	if d.flavor == FESim {
		return "INSERT INTO " + d.table + " VALUES ('" + id + "')"
	}
	return "INSERT INTO " + d.table + " (id) VALUES ('" + id + "')"
}
