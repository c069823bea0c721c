package e2e

import (
	"context"
	"testing"

	"segue/backend"
)

// fleet is three backends of one kind which a test restarts one after the other.
type fleet interface {
	flavor() backend.Flavor
	specs() []backend.Spec
	dialect() dialect

	// order is that in which a careful operator restarts them.
	order() []int

	// restart ends backend i in its graceful way, waits for its end, and starts it again. p is nil where no Segue stands
	// in front of it.
	restart(t *testing.T, p *segueProgram, i int)

	// ledgers returns how often each id is in the ledger of each backend; those that share one have one.
	ledgers(ctx context.Context) ([]map[string]int, error)
}

// fragile is a fleet whose backends can be made to fail.
type fragile interface {
	fleet

	// kill ends backend i without a word to it (kill -9) and waits for its end; revive starts it again and waits until it serves.
	kill(i int) error
	revive(ctx context.Context, i int) error

	// freeze stops backend i where it stands (SIGSTOP), its connections open; thaw lets it go on.
	freeze(i int) error
	thaw(i int) error
}

// count returns how often each id is in the ledgers of all backends together.
func count(ctx context.Context, f fleet) (map[string]int, error) {
	each, err := f.ledgers(ctx)
	all := map[string]int{}
	for _, ledger := range each {
		for id, n := range ledger {
			all[id] += n
		}
	}
	return all, err
}

// dialect is what a load has to say differently to each kind of backend.
type dialect struct {
	database string // which it uses; it is not the one named at login
	other    string // another
	insert   string // of one id, %s, into the ledger

	// excused tells of an error in a transaction whether it had to be: the transaction has outlived what held it. nil: none is.
	excused func(error) bool
	// cut tells of an error whether the server has cut off a running statement, which it does by design: its outcome is unknown, and only
	// what reads may be run again. nil: none is.
	cut func(error) bool
}
