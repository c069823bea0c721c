package discover

import (
	"context"

	"segue/backend/discover/nodes"
)

// Found is a node that a source knows. Only one with an Address can be a backend.
type Found struct {
	nodes.Node
	// Called is what the backend is to be called, where the source knows better than its address: a pod's name. Empty: after the address's host.
	Called string
	// Leaving says in a few words why it is about to go, although it may still be there: a terminating pod, say. It takes no new sessions, and those that it has
	// move. Empty: it is not.
	Leaving string
}

// Answer is what a source has found out.
type Answer struct {
	// Found are all nodes that the source knows now, Err being nil. None at all is not believed: the list stays as it is, but for what About says.
	Found []Found
	// About is what has been learned of nodes that are known anyway: role, version and the like, at their address. It names nobody: who is in it is not there for
	// that. It is all that this source has of the kind.
	About []nodes.Node
	// Live: the source is told of every change at once, and of nothing in between. What it does not name has gone, and no second answer has to say so.
	Live bool
	// Partial: not everybody who may know something has answered. Those that are not named are not missing for that.
	Partial bool
	// Err is why nothing could be found out this time. It makes no node go.
	Err error
}

// Source is a way of finding out which backends there are.
type Source interface {
	// Run finds out, again and again, and tells: at first as soon as it can, and then of every look, be something new or not; one that is Live, of every
	// change. tell does not block for long, and is called by one goroutine at a time. Run returns once ctx is done, when all that it has begun has ended, and
	// what it returns then does not matter. It returns earlier, with an error, only if it can never find anything out. What can be mended by waiting it tells as
	// an [Answer] with an error, and goes on.
	Run(ctx context.Context, tell func(Answer)) error
	// Kind is one word of a closed set, for metrics and tables: "dns", "sql", "file", "kubernetes".
	Kind() string
	// String says what is asked, for people: "dns sr-fe-search:9030".
	String() string
}
