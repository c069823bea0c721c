package backend

import (
	"net"

	"segue/backend/dial"
)

// Flavor is the kind of server that a cluster is made of. All backends of one Segue have the same flavor.
type Flavor uint8

// The flavors. The zero value is StarRocks.
const (
	StarRocks Flavor = iota // StarRocks FE
	Doris                   // Apache Doris FE
	TiDB                    // TiDB server
	MySQL                   // MySQL or MariaDB: no health URL of its own, and it counts unfinished handshakes
	numFlavors
)

var flavorNames = [numFlavors]string{StarRocks: "starrocks", Doris: "doris", TiDB: "tidb", MySQL: "mysql"}

// String gives the flavor's name as it stands in the configuration.
func (f Flavor) String() string { return nameOf("flavor", flavorNames[:], f) }

// ParseFlavor is the reverse of [Flavor.String]. MariaDB is of the flavor mysql.
func ParseFlavor(text string) (Flavor, error) {
	if text == "mariadb" {
		return MySQL, nil
	}
	return parseName[Flavor]("flavor", flavorNames[:], text)
}

// MarshalText implements [encoding.TextMarshaler].
func (f Flavor) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Flavor) UnmarshalText(text []byte) error {
	v, err := ParseFlavor(string(text))
	if err == nil {
		*f = v
	}
	return err
}

// Port is the MySQL port that a flavor's servers listen on unless they are told otherwise.
func (f Flavor) Port() string {
	switch f {
	case TiDB:
		return "4000"
	case MySQL:
		return "3306"
	case StarRocks, Doris:
		return "9030"
	default:
		return ""
	}
}

// HealthURL derives the health URL of the server with this MySQL address ("host:port") from the flavor's default ports:
// http_port 8030 of an FE (fe.conf of StarRocks and Doris), status-port 10080 of TiDB. It is empty where the flavor has
// none, and for a UNIX socket ("unix:PATH").
func (f Flavor) HealthURL(address string) string {
	if _, ok := dial.UnixPath(address); ok {
		return "" // a server may have its health port anywhere
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	switch f {
	case StarRocks, Doris:
		return "http://" + net.JoinHostPort(host, "8030") + "/api/health"
	case TiDB:
		return "http://" + net.JoinHostPort(host, "10080") + "/status"
	case MySQL:
		return ""
	default:
		return ""
	}
}

// IsFE reports whether servers of the flavor are FEs: StarRocks's, and Doris's, from which they come.
func (f Flavor) IsFE() bool { return f == StarRocks || f == Doris }
