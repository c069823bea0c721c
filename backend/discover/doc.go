// Package discover finds out which backends there are, beside those that the configuration names.
//
// A [Source] is one way of finding out: a name in DNS, the cluster's own word by SQL, Kubernetes, a file. It runs in a goroutine of its own, far from the path of
// statements, and tells all that it knows whenever that changes. What a source does not know it does not say: a failed look-up is an [Answer] with an error, which
// changes nothing, and never an empty list.
//
// A source is one of thousands that ask the same servers: it spreads its questions over time, asks no more often than it was told to, and waits longer the longer
// it fails. [Pace] does that.
package discover
