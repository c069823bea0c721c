package measure

import (
	"errors"
	"fmt"
	"time"

	"segue/bench"
)

// Load says how many clients there are, and how often they want something.
type Load struct {
	Clients [numClasses]int
	Rate    float64 // arrivals per second of all long-lived, short-lived, transaction and writing clients together

	TxnHold  time.Duration // between the two INSERTs of a transaction
	SlowFor  time.Duration // how long a slow statement runs
	IdleFor  time.Duration // between two uses of an idle connection
	Timeout  time.Duration // of one connect, and of one answer
	Stream   Stream
	NoWrites bool   // nothing is written: no writers, and transactions only read
	Seed     uint64 // of the timetables: the same seed, the same arrivals
}

// DefaultLoad needs 50 connections: as many as a small server has to spare.
func DefaultLoad() Load {
	return Load{
		Clients: [numClasses]int{Long: 16, Short: 16, Txn: 4, Idle: 8, Slow: 2, Write: 4},
		Rate:    400,
		TxnHold: 80 * time.Millisecond, SlowFor: 2 * time.Second, IdleFor: 10 * time.Second,
		Timeout: bench.DefaultTimeout, Stream: DefaultStream(), Seed: 1,
	}
}

// Validate tells what makes no sense, as usage errors do.
func (l *Load) Validate() error {
	total := 0
	for _, c := range Classes() {
		n := l.Clients[c]
		if n < 0 || n > 20_000 {
			return fmt.Errorf("--%s %d: want 0 to 20000 clients", c.Flag(), n)
		}
		total += n
	}
	switch {
	case l.NoWrites && l.Clients[Loads] > 0:
		return errors.New("--no-writes leaves loads nothing to do; say --loads 0")
	case l.NoWrites && l.Clients[Write] > 0:
		return errors.New("--no-writes leaves writers nothing to do; say --write 0")
	case total == 0:
		return errors.New("there are no clients; ask for some, with --long or --short for example")
	case l.busy() > 0 && !(l.Rate > 0 && l.Rate <= 1e6):
		return fmt.Errorf("--rate %v: want arrivals per second, above 0 and at most a million", l.Rate)
	case l.TxnHold <= 0 || l.SlowFor <= 0 || l.IdleFor <= 0:
		return errors.New("--txn-hold, --slow-for and --idle-for want a time above zero")
	case l.Timeout < 100*time.Millisecond:
		return fmt.Errorf("--timeout %v: want 100ms or more", l.Timeout)
	case l.SlowFor >= l.Timeout:
		return fmt.Errorf("--slow-for %v is no less than --timeout %v: every slow statement would time out", l.SlowFor, l.Timeout)
	}
	if l.Clients[Loads] > 0 {
		return l.Stream.validate()
	}
	return nil
}

// busy is how many clients share the rate.
func (l *Load) busy() int {
	return l.Clients[Long] + l.Clients[Short] + l.Clients[Txn] + l.Clients[Write]
}

// pace is how many arrivals per second one client of class c has. mostWrites
// limits what writes; zero: it does not.
func (l *Load) pace(c Class, mostWrites float64) float64 {
	even := l.Rate / float64(max(1, l.busy()))
	switch c {
	case Idle:
		return 1 / l.IdleFor.Seconds()
	case Slow: // a client cannot want two at once: what would wait is its own fault
		return 1 / (2 * l.SlowFor).Seconds()
	case Loads:
		return 1 / l.Stream.Every.Seconds()
	case Txn:
		even = min(even, 1/(2*l.TxnHold).Seconds())
		if mostWrites > 0 && !l.NoWrites {
			even = min(even, mostWrites)
		}
	case Write:
		if mostWrites > 0 {
			even = min(even, mostWrites)
		}
	default:
	}
	return even
}

// offered is how many arrivals per second all clients have.
func (l *Load) offered(mostWrites float64) float64 {
	sum := 0.0
	for _, c := range Classes() {
		sum += float64(l.Clients[c]) * l.pace(c, mostWrites)
	}
	return sum
}
