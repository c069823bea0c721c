package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// rule is what must hold whatever happens to backends and to the network before them.
type rule uint8

const (
	ruleLost       rule = iota // no acknowledged write is lost
	ruleTwice                  // none takes effect twice
	ruleUntrue                 // none takes effect of which the client was told otherwise
	ruleForeign                // every answer is the statement's own, from the session's own state
	ruleConnection             // no client loses its connection, but by an answer that was cut off after its beginning had reached the client
	ruleNeedless               // nobody sees an error of what can be done again: connecting, and what only reads
	ruleTorn                   // a transaction takes effect whole, on one server, or not at all

	numRules
)

func (r rule) String() string {
	return [numRules]string{
		"lost", "executed twice", "executed though said not to be", "foreign answer", "needless loss of a connection", "needless error", "torn transaction",
	}[r]
}

// finding is a violation of a rule.
type finding struct {
	rule rule
	what string
}

func (f finding) String() string { return f.rule.String() + ": " + f.what }

// role is what may become of a statement whose backend goes.
type role uint8

const (
	repeatable   role = iota // it may be run again: what only reads, PREPARE, BEGIN; and connecting
	unrepeatable             // it may be cut off, at the cost of one ERR_Packet: a write, or anything inside a transaction
)

// event is how one statement ended.
type event struct {
	role     role
	outcome  outcome
	received int // bytes of its answer that have come
	cuts     int // how often connections were cut, by the tests, while it ran
}

// mostCuts is how often a statement that may be run again must survive the loss of its backend: it is run again twice.
const mostCuts = 2

// judgeEvent judges one statement by itself. One that has got an ERR_Packet leaves its connection usable: a second ERR_Packet for it would
// be the next one's answer, and foreign there.
func judgeEvent(e event) (broken rule, ok bool) {
	switch {
	case e.outcome == misled:
		return ruleForeign, false
	case e.outcome == cutOff && e.received == 0:
		return ruleConnection, false
	case e.role == repeatable && (e.outcome == notRun || e.outcome == uncertain) && e.cuts <= mostCuts:
		return ruleNeedless, false
	default:
		return 0, true
	}
}

// judgeRows judges all rows of all backends together.
func judgeRows(l *ledger, counts map[string]int) (findings []finding) {
	v := l.judge(counts)
	for _, broken := range []struct {
		rule rule
		ids  []string
	}{{ruleLost, v.lost}, {ruleTwice, v.doubled}, {ruleUntrue, v.undone}} {
		slices.Sort(broken.ids)
		for _, id := range broken.ids {
			findings = append(findings, finding{broken.rule, "row " + id})
		}
	}
	return findings
}

// transfer is money that was to be moved from one account to another, in a transaction that wrote a row for each.
type transfer struct {
	from, to string
	amount   int
}

// openingBalance is what is on each account of each server in the beginning.
const openingBalance = 1000

func debit(id string) string  { return id + "/from" }
func credit(id string) string { return id + "/to" }

// judgeBooks judges one server's accounts by the transfers that its ledger has. balances is nil where there are no accounts.
func judgeBooks(transfers map[string]transfer, rows, balances map[string]int) (findings []finding) {
	want := map[string]int{}
	for account := range balances {
		want[account] = openingBalance
	}
	for _, id := range slices.Sorted(maps.Keys(transfers)) {
		t := transfers[id]
		if rows[debit(id)] != rows[credit(id)] {
			findings = append(findings, finding{ruleTorn, fmt.Sprintf("transfer %s: %d debits, %d credits on one server", id, rows[debit(id)], rows[credit(id)])})
		}
		want[t.from] -= t.amount * rows[debit(id)]
		want[t.to] += t.amount * rows[credit(id)]
	}
	for _, account := range slices.Sorted(maps.Keys(balances)) {
		if balances[account] != want[account] {
			findings = append(findings, finding{ruleTorn, fmt.Sprintf("account %s holds %d, its transfers make %d", account, balances[account], want[account])})
		}
	}
	return findings
}

// bounds are what a client knows of its counter on one server.
type bounds struct{ low, high int }

// settle takes the end of a transaction that adds one.
func (b bounds) settle(o outcome) bounds {
	switch o {
	case answered:
		return bounds{b.low + 1, b.high + 1}
	case notRun:
		return b
	default:
		return bounds{b.low, b.high + 1}
	}
}

// judgeCounter judges what has been counted.
func judgeCounter(b bounds, n int, where string) (findings []finding) {
	switch {
	case n < b.low:
		return []finding{{ruleLost, fmt.Sprintf("%s is at %d, below the %d that were acknowledged", where, n, b.low)}}
	case n > b.high && b.high == 0:
		return []finding{{ruleUntrue, fmt.Sprintf("%s is at %d, and nothing was sent", where, n)}}
	case n > b.high:
		return []finding{{ruleTwice, fmt.Sprintf("%s is at %d, above the %d that were sent", where, n, b.high)}}
	}
	return nil
}

func TestJudgeEvent(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    event
		want string
	}{
		{"an answer", event{repeatable, answered, 100, 1}, ""},
		{"a write's answer", event{unrepeatable, answered, 11, 1}, ""},
		{"a write of unknown outcome", event{unrepeatable, uncertain, 90, 1}, ""},
		{"a write that was not sent", event{unrepeatable, notRun, 90, 1}, ""},
		{"a read of unknown outcome", event{repeatable, uncertain, 90, 1}, "needless error"},
		{"a read that was not sent", event{repeatable, notRun, 90, 1}, "needless error"},
		{"a read that was cut too often", event{repeatable, uncertain, 90, 3}, ""},
		{"a connection lost ahead of an answer", event{unrepeatable, cutOff, 0, 1}, "needless loss of a connection"},
		{"a read's connection lost ahead of an answer", event{repeatable, cutOff, 0, 1}, "needless loss of a connection"},
		{"an answer cut in the middle", event{repeatable, cutOff, 5, 1}, ""},
		{"an answer cut between two rows", event{repeatable, halved, 90, 1}, ""},
		{"somebody else's answer", event{repeatable, misled, 80, 1}, "foreign answer"},
	} {
		got := ""
		if broken, ok := judgeEvent(tt.e); !ok {
			got = broken.String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestJudgeRows(t *testing.T) {
	l := newLedger()
	l.note(inserted, "a")
	l.note(unknown, "b")
	l.note(undone, "c")
	for want, counts := range map[string]map[string]int{
		"":                                      {"a": 1, "b": 1},
		"lost: row a":                           {},
		"executed twice: row b":                 {"a": 1, "b": 2},
		"executed though said not to be: row c": {"a": 1, "c": 1},
	} {
		if got := joined(judgeRows(l, counts)); got != want {
			t.Errorf("%v: %q, want %q", counts, got, want)
		}
	}
}

func TestJudgeBooks(t *testing.T) {
	transfers := map[string]transfer{"t1": {"a", "b", 10}, "t2": {"b", "a", 3}}
	whole := map[string]int{"t1/from": 1, "t1/to": 1}
	for _, tt := range []struct {
		name           string
		rows, balances map[string]int
		want           string
	}{
		{"nothing has happened", nil, map[string]int{"a": 1000, "b": 1000}, ""},
		{"one of two", whole, map[string]int{"a": 990, "b": 1010}, ""},
		{"no accounts", whole, nil, ""},
		{"half a transfer", map[string]int{"t2/from": 1}, nil, "torn transaction: transfer t2: 1 debits, 0 credits on one server"},
		{"half an update", whole, map[string]int{"a": 990, "b": 1000}, "torn transaction: account b holds 1000, its transfers make 1010"},
		{"an update twice", whole, map[string]int{"a": 980, "b": 1010}, "torn transaction: account a holds 980, its transfers make 990"},
	} {
		if got := joined(judgeBooks(transfers, tt.rows, tt.balances)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestJudgeCounter(t *testing.T) {
	b := bounds{}.settle(answered).settle(answered).settle(notRun).settle(uncertain).settle(cutOff)
	if b != (bounds{2, 4}) {
		t.Fatalf("bounds are %v", b)
	}
	for n, want := range map[int]string{
		1: "lost: it is at 1, below the 2 that were acknowledged", 2: "", 4: "",
		5: "executed twice: it is at 5, above the 4 that were sent",
	} {
		if got := joined(judgeCounter(b, n, "it")); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := joined(judgeCounter(bounds{}, 1, "it")); got != "executed though said not to be: it is at 1, and nothing was sent" {
		t.Errorf("nothing was sent: %q", got)
	}
}

func joined(findings []finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.String())
	}
	return strings.Join(all, "; ")
}
