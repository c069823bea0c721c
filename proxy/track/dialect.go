package track

import (
	"strconv"
	"strings"

	"segue/backend/wire"
)

// Dialect is the SQL that a session speaks, and what its server holds for it.
type Dialect uint8

// The dialects.
const (
	AnyMySQL Dialect = iota // MySQL or MariaDB: which of them is not known
	MySQL
	MariaDB
	TiDB
	StarRocks
	Doris
)

var dialectNames = [...]string{"MySQL", "MySQL", "MariaDB", "TiDB", "StarRocks", "Doris"}

// String is the dialect's name as it stands in the table of statements.
func (d Dialect) String() string { return dialectNames[d] }

// fe reports the dialects of frontends, which have neither locks nor stored functions, and say nothing of a session in their status flags.
func (d Dialect) fe() bool { return d == StarRocks || d == Doris }

// my reports MySQL and MariaDB.
func (d Dialect) my() bool { return d <= MariaDB }

// DialectOf tells MySQL from MariaDB, and gives the version that decides about comments such as /*!80000 … */, as in 80036 or 101106; 0 if
// it is not known. MariaDB names itself in its version unless it is configured to call itself otherwise, and does without CLIENT_LONG_PASSWORD.
func DialectOf(version string, c wire.Capability) (Dialect, uint32) {
	version = strings.TrimPrefix(version, "5.5.5-") // which MariaDB 10 says for the sake of old replicas
	switch {
	case strings.Contains(strings.ToLower(version), "mariadb"):
		return MariaDB, versionNumber(version)
	case !c.Has(wire.ClientLongPassword):
		return MariaDB, 0
	default:
		return MySQL, versionNumber(version)
	}
}

// TiDBVersion gives that of a TiDB server, as in 80500, or 0.
func TiDBVersion(version string) uint32 {
	_, own, _ := strings.Cut(version, "-TiDB-v")
	return versionNumber(own)
}

// versionNumber makes 80036 of 8.0.36-log, and 0 of what is no version.
func versionNumber(s string) (n uint32) {
	for i, part := range strings.SplitN(s, ".", 3) {
		if i == 2 {
			end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
			if end >= 0 {
				part = part[:end]
			}
		}
		v, err := strconv.ParseUint(part, 10, 8)
		if err != nil || v > 99 {
			return 0
		}
		n = 100*n + uint32(v)
	}
	if n < 1e4 {
		return 0
	}
	return n
}
