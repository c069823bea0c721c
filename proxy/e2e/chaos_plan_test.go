package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

// nuisance is something that goes wrong around Segue, or that somebody does to it.
type nuisance uint8

const (
	halt        nuisance = iota // SIGSTOP of a Segue, and SIGCONT
	unread                      // nobody reads what it logs
	unheard                     // … and nobody ever will: the reader is gone
	fewFiles                    // it may open hardly any more
	diskFull                    // where it keeps what operators have said
	silentAdmin                 // connections to the admin API that say nothing
	stuckAdmin                  // … and some that ask, and do not read
	silent                      // clients that say nothing
	strangers                   // clients that say what none should
	liars                       // a backend that says what none should
	offerCrowd                  // connections to the place where the next Segue asks for the sockets
	reloads                     // the configuration changes again and again, and is wrong now and then
	takeOver                    // by another Segue, a few times in a row

	numNuisances
)

func (n nuisance) String() string {
	return [numNuisances]string{
		"halt", "log unread", "log without a reader", "few files", "disk full", "silent crowd at the admin API", "stuck crowd at the admin API", "silent clients", "hostile clients",
		"hostile backend", "crowd at the takeover's place", "reloads", "takeover",
	}[n]
}

// joins reports whether it may happen in the middle of another one.
func (n nuisance) joins() bool {
	switch n {
	case halt, unread, silentAdmin, stuckAdmin, silent, strangers, offerCrowd:
		return true
	default:
		return false
	}
}

// trouble is a nuisance, and another one in the middle of it.
type trouble struct {
	what, also nuisance // the same: nothing else
	pause      time.Duration
	lasts      time.Duration
	seed       uint64 // of what is random in it
	kind       int    // of any number of kinds
}

// troubles makes them without end: every nuisance once in random order, and again.
func troubles(seed uint64) func() trouble {
	random := rand.New(rand.NewPCG(seed, 5))
	var todo []int
	return func() trouble {
		if len(todo) == 0 {
			todo = random.Perm(int(numNuisances))
		}
		x := trouble{
			what: nuisance(todo[0]), pause: between(random, 0, 300*time.Millisecond), lasts: between(random, 500*time.Millisecond, 2500*time.Millisecond),
			seed: random.Uint64(), kind: random.IntN(1 << 20),
		}
		todo = todo[1:]
		x.also = x.what
		if other := nuisance(random.IntN(int(numNuisances))); other.joins() {
			x.also = other
		}
		return x
	}
}

func TestTroubles(t *testing.T) {
	one, same, other := troubles(7), troubles(7), troubles(8)
	seen := map[nuisance]int{}
	differs := false
	for range 10 * int(numNuisances) {
		x := one()
		if x != same() {
			t.Fatal("the same seed makes different troubles")
		}
		differs = differs || x != other()
		if x.also != x.what && !x.also.joins() {
			t.Errorf("%s joins %s", x.also, x.what)
		}
		seen[x.what]++
	}
	if !differs {
		t.Error("another seed makes the same troubles")
	}
	for n := range numNuisances {
		if seen[n] != 10 {
			t.Errorf("%s happened %d times, want 10", n, seen[n])
		}
	}
}
