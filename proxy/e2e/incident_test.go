package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// seed makes the incidents of a check; the same seed makes the same ones in the same order:
//
//	go test ./proxy/e2e -run '^TestMoveCheck' -minutes 10 -seed 42 -timeout 60m -v
var seed = flag.Uint64("seed", 1, "what the incidents of the TestMoveCheck tests are made from")

// disturbance is one thing that goes wrong, or that an operator does.
type disturbance uint8

const (
	kill           disturbance = iota // kill -9, and a start
	freeze                            // SIGSTOP, and SIGCONT
	partition                         // nothing comes through, either way
	deafen                            // nothing reaches the server; its answers come through
	mute                              // what reaches the server is not answered
	slow                              // everything takes a while more
	reset                             // RST on every connection
	finish                            // FIN on every connection
	bite                              // answers are cut in the middle
	chase                             // RST on every connection, and again where the sessions are just going to
	loseStatements                    // RST, while statements are under way to the server: they are not executed
	loseAnswers                       // RST, while answers are under way: they are
	drain                             // by the operator, and ready
	leave                             // a graceful exit, and a start
	remove                            // from the configuration, and added again
	reweigh                           // in the configuration

	numDisturbances
)

func (d disturbance) String() string {
	return [numDisturbances]string{
		"kill", "freeze", "partition", "deafen", "mute", "slow", "reset", "finish", "bite", "chase sessions of", "lose statements of", "lose answers of", "drain", "leave", "remove", "reweigh",
	}[d]
}

// away reports whether the backend cannot serve meanwhile. There is never more than one of those at a time: that all are away is
// another test's subject.
func (d disturbance) away() bool {
	switch d {
	case slow, reset, finish, bite, chase, loseStatements, loseAnswers, reweigh:
		return false
	default:
		return true
	}
}

// incident is a disturbance of one backend.
type incident struct {
	what    disturbance
	backend int
	pause   time.Duration // since the end of the one before
	lasts   time.Duration
	also    disturbance // reset, finish or bite, of another backend in the middle of it
	other   int
}

func (i incident) String() string {
	s := fmt.Sprintf("%s backend %d", i.what, i.backend+1)
	switch i.what {
	case reset, finish, bite, loseStatements, loseAnswers, leave:
	case chase:
		s += fmt.Sprintf(" to backend %d, %v later", i.other+1, i.gap())
	default:
		s += fmt.Sprintf(" for %v", i.lasts.Round(time.Millisecond))
	}
	if i.also != i.what {
		s += fmt.Sprintf(", and %s backend %d", i.also, i.other+1)
	}
	return s
}

// gap is the time between the two strikes of a chase: a session takes some milliseconds to move.
func (i incident) gap() time.Duration { return i.lasts / 100 }

// plan makes incidents for n backends without end: every disturbance once in random order, and again.
func plan(seed uint64, n int) func() incident {
	random := rand.New(rand.NewPCG(seed, 4))
	var todo []int
	return func() incident {
		if len(todo) == 0 {
			todo = random.Perm(int(numDisturbances))
		}
		i := incident{
			what: disturbance(todo[0]), backend: random.IntN(n), pause: between(random, 0, 400*time.Millisecond),
			lasts: between(random, 30*time.Millisecond, 300*time.Millisecond), // over before anybody has noticed
		}
		if random.IntN(2) == 0 {
			i.lasts = between(random, 300*time.Millisecond, 3*time.Second)
		}
		todo = todo[1:]
		i.other = (i.backend + 1 + random.IntN(n-1)) % n
		if i.also = i.what; i.what.away() && i.what != leave && random.IntN(2) == 0 {
			i.also = []disturbance{reset, finish, bite}[random.IntN(3)]
		}
		return i
	}
}

func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

func TestPlan(t *testing.T) {
	const n = 3
	one, same, other := plan(7, n), plan(7, n), plan(8, n)
	seen := map[disturbance]int{}
	differs := false
	for range 10 * int(numDisturbances) {
		i := one()
		if i != same() {
			t.Fatal("the same seed makes different incidents")
		}
		differs = differs || i != other()
		if i.other == i.backend || i.other >= n || i.backend >= n {
			t.Errorf("%+v: wrong backends", i)
		}
		if i.also != i.what && (i.also.away() || !i.what.away()) {
			t.Errorf("%s: two backends are away", i)
		}
		seen[i.what]++
	}
	if !differs {
		t.Error("another seed makes the same incidents")
	}
	for d := range numDisturbances {
		if seen[d] != 10 {
			t.Errorf("%s happened %d times, want 10", d, seen[d])
		}
	}
}
