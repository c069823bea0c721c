// Package rollout decides how a cluster is upgraded or restarted node by node: who goes when and why, whether the next one may go now, and what is to
// be done at this moment. It is pure: facts of the cluster, what is kept of the rollout, and what was asked for come in, verdicts and actions go out. It
// has no clock, no socket and no goroutine.
//
// Facts are gathered by package facts; package run acts, and asks again after each action, so that facts decide where a rollout is and not what it
// remembers. How a node is stopped, upgraded and started is a [Driver]'s business.
//
// The order of StarRocks and Doris is the one of StarRocks' manual: backends and compute nodes first, one by one, then frontends, observers and followers before the leader.
package rollout
