package main

import (
	"strings"
	"testing"
	"time"
)

const sysbenchReport = `Threads started!

Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.336 |********************************         35
       0.342 |                                         60
       2.500 |***                                      5
 
SQL statistics:
    queries performed:
        read:                            100
        write:                           0
        other:                           0
        total:                           100
    transactions:                        100    (99.99 per sec.)
    queries:                             100    (99.99 per sec.)
    ignored errors:                      0      (0.00 per sec.)
    reconnects:                          0      (0.00 per sec.)

General statistics:
    total time:                          1.0001s
    total number of events:              100
`

func TestSysbenchResult(t *testing.T) {
	m, err := sysbenchResult(sysbenchReport)
	if err != nil {
		t.Fatal(err)
	}
	if m.statements != 100 || m.took != 1000100*time.Microsecond || len(m.latency) != 100 {
		t.Errorf("%d queries in %v, %d of them in the histogram", m.statements, m.took, len(m.latency))
	}
	if p50, p99 := m.quantile(0.5), m.quantile(0.99); p50 != 342*time.Microsecond || p99 != 2500*time.Microsecond {
		t.Errorf("median %v, p99 %v", p50, p99)
	}
	for _, bad := range []string{"", strings.Replace(sysbenchReport, "errors:                      0", "errors:                      3", 1)} {
		if m, err := sysbenchResult(bad); err == nil {
			t.Errorf("%d queries of %q", m.statements, bad)
		}
	}
}
