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

	// count returns how often each id is in the ledgers of all backends together.
	count(ctx context.Context) (map[string]int, error)
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
