package backend

import (
	"slices"
	"testing"
)

func TestFlavorsOfAGreeting(t *testing.T) {
	const (
		fe      = 0x38820c                                           // what a StarRocks FE says
		mysql8  = 0xdfffffff                                         // MySQL 8.4
		tidb    = longPassword | transactions | 1<<9 | 1<<15 | 1<<19 // no session track
		mariadb = 0x81bff7fe                                         // MariaDB 11: no long password
	)
	for _, c := range []struct {
		version string
		caps    uint32
		want    []Flavor
	}{
		{"5.1.0", fe, []Flavor{StarRocks, Doris}},
		{"8.0.33", fe | 1<<11, []Flavor{StarRocks, Doris}},
		{"5.7.99 Doris version doris-2.1.7", fe, []Flavor{Doris}},
		{"8.0.11-TiDB-v8.5.0", tidb, []Flavor{TiDB}},
		{"8.0.36", tidb, nil}, // server-version is configured: it may be anything
		{"8.4.3", mysql8, []Flavor{MySQL}},
		{"11.4.2-MariaDB", mariadb, []Flavor{MySQL}},
		{"5.5.5-10.6.18-MariaDB-0ubuntu0.22.04.1", mariadb, []Flavor{MySQL}},
	} {
		if got := (Facts{Known: true, Capabilities: c.caps, ServerVersion: c.version}).Flavors(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.version, got, c.want)
		}
	}
	if got := (Facts{}).Flavors(); got != nil {
		t.Errorf("of no greeting: %v", got)
	}
}
