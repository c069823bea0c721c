package rollout

import "context"

// Driver stops, changes and starts nodes: by commands, HTTP hooks, or a StatefulSet. One node at a time is in work, and no two methods run at once.
//
// Each method returns when it has done its part, or an error with what went wrong; that the cluster has seen it is waited for elsewhere. Each may be called again for
// a node where it has been called before: after a broken terminal nobody knows whether the call had come to its end. Called again for a node where there is
// nothing left to do, a method returns nil.
type Driver interface {
	// Stop ends the node's process gracefully, and returns when that has ended: a port that takes no connection any more is not the end of it. The cluster may see it later, which is
	// waited for elsewhere. A driver whose platform starts a node again by
	// itself (a StatefulSet does) makes the new one of the new version.
	Stop(ctx context.Context, n Node) error
	// Upgrade puts the new version in place while the node is down. It is called between Stop and Start, and not at all in a mere restart.
	Upgrade(ctx context.Context, n Node) error
	// Start starts the node's process. It need not wait until the node serves.
	Start(ctx context.Context, n Node) error
	// Rollback puts the former version in place while the node is down, between Stop and Start.
	Rollback(ctx context.Context, n Node) error
}

// Preparer is a Driver that has something to do once for all nodes, before the first one is stopped: a StatefulSet whose image is changed under OnDelete. Prepare is
// called again whenever a rollout is resumed. back tells that nodes are to be rolled back.
type Preparer interface {
	Prepare(ctx context.Context, back bool) error
}

// Orderer is a Driver that has its own say in the order, and that has to know more of a node after a resume than its name.
type Orderer interface {
	// Sort orders nodes that are otherwise equal (see [Order]) as they can go.
	Sort(ctx context.Context, nodes []Node)
	// May is asked before a node is drained: an error says why it cannot be stopped now. kept is what Recall gets.
	May(ctx context.Context, n Node) (kept string, err error)
	// Recall tells what May returned, before any of the other methods is called for the node.
	Recall(n Node, kept string)
}
