// Package history keeps what has become of the backends during the last hours: in which states they stood, how many sessions and statements they
// had, what failed, and what moved. It is told once a second how things are, with counters that only grow, and keeps the differences in rings:
// each second of the last quarter of an hour, and each ten seconds of the last eight hours. It has no clock and no goroutine of its own.
//
// A backend takes some 200 kB at most, whatever happens to it, and there are so many and no more.
package history
