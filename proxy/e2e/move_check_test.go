package e2e

import (
	"flag"
	"testing"
	"time"

	"segue/backend/fesim"
)

// checkCompression has TestMoveCheck tests compress on both sides.
var checkCompression = flag.String("compress", "off", "how Segue and backends compress in TestMoveCheck tests, zlib or zstd; their clients then do by zlib")

var minutes = flag.Float64("minutes", 0.75, "how long each TestMoveCheck test goes on, if every kind of incident has happened by then")

// TestMoveCheck…: whatever happens, no acknowledged write is lost, none takes effect twice, none does that was said not to; every answer
// is its statement's own; transactions are whole; and nobody sees an error or loses a connection who need not have.
func TestMoveCheckFE(t *testing.T) { checkThrough(t, startFEs(t, fesim.Options{}), nil) }

func TestMoveCheckMariaDB(t *testing.T) { checkThrough(t, startMariaDBs(t, durable()...), nil) }

// On several event loops as well.
func TestMoveCheckLoops(t *testing.T) {
	t.Setenv("GOMAXPROCS", "3")
	checkThrough(t, startMariaDBs(t, durable()...), nil)
}

// With TLS on both sides, on several event loops.
func TestMoveCheckTLS(t *testing.T) {
	t.Setenv("GOMAXPROCS", "3")
	f, on := startMariaDBsOnTLS(t, durable()...)
	checkThrough(t, f, on)
}

func TestMoveCheckTiDB(t *testing.T) { checkThrough(t, startTiDBs(t, 0), nil) }

// eager gives a backend that is back its full share of new connections at once, so that the next incident costs it something.
const eager = "balance: {slow_start: 0s}"

func checkThrough(t *testing.T, f fragile, on *secured) {
	t.Helper()
	t.Logf("-seed %d -minutes %g", *seed, *minutes)
	d := startDisturber(t, f)
	b := openBank(t, f)
	d.program = on.start(t, f.flavor(), d.specs, eager, "backend_compression: "+*checkCompression)
	c := startCheck(t, d, b)
	d.disturb(t, plan(*seed, len(d.specs)), time.Duration(*minutes*float64(time.Minute)))
	conclude(t, c, d)
	t.Logf("%s\n%s\n%s", c.report(), d.report(), c.errorsSeen())
	for _, fault := range c.byRule() {
		t.Error(fault)
	}
}

// conclude ends a check, and has it judge what backends hold once all that was sent to them has run.
func conclude(t *testing.T, c *check, d *disturber) {
	t.Helper()
	c.stop()
	d.program.stop(t)
	for _, cable := range d.cables {
		cable.set(condition{})
	}
	if c.bank != nil {
		if err := c.bank.awaitQuiet(t.Context()); err != nil {
			t.Fatalf("wait for the end of all connections: %v", err)
		}
	}
	if err := c.settled(t.Context(), d.fleet); err != nil {
		t.Fatalf("read what backends hold: %v", err)
	}
	if c.outcomes[answered] == 0 || len(c.transfers) == 0 {
		t.Error("the check has done nothing")
	}
}
