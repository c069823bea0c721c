package history

import (
	"math"
	"time"
)

// The two resolutions: how far apart samples are, and how many are kept.
const (
	fineStep    = time.Second
	mostFine    = 15 * 60
	coarseStep  = 10 * time.Second
	mostCoarse  = 8 * 60 * 6
	mostStates  = 256 // of a backend
	mostEntries = 2048
	mostLanes   = 256
)

// Longest is for how long anything is kept, and Finest for how long each second is; MostSamples and MostFine are how many samples that makes.
const (
	Longest     = mostCoarse * coarseStep
	Finest      = mostFine * fineStep
	MostSamples = mostCoarse
	MostFine    = mostFine
)

// sample is a Sample as it is kept, in 48 bytes.
type sample struct {
	unix               int64 // milliseconds
	covers             float32
	sessions           uint32
	statements, errors uint32
	p50, p99           float32
	seen, hidden       uint32
	in, out            uint32
}

// counts are the counters of a sample at one moment.
type counts struct {
	statements, errors, seen, hidden, in, out uint64
	times                                     Times
}

// series are the samples of a backend in both resolutions.
type series struct {
	fine, coarse       ring[sample]
	sum                counts // since the first look
	atFine, atCoarse   counts // sum as it was at the last sample
	lastFine, lastSlow time.Time
	peak               int // the most sessions since the last coarse sample
}

func newSeries(now time.Time) *series {
	return &series{fine: ring[sample]{most: mostFine}, coarse: ring[sample]{most: mostCoarse}, lastFine: now, lastSlow: now}
}

// take closes a sample, and a coarse one when it is time for that.
func (s *series) take(now time.Time, sessions int) sample {
	s.peak = max(s.peak, sessions)
	latest := s.between(s.atFine, now, s.lastFine, sessions)
	s.fine.add(latest)
	s.atFine, s.lastFine = s.sum, now
	if now.Sub(s.lastSlow) >= coarseStep-fineStep/2 {
		s.coarse.add(s.between(s.atCoarse, now, s.lastSlow, s.peak))
		s.atCoarse, s.lastSlow, s.peak = s.sum, now, 0
	}
	return latest
}

// between is what has been added to the counters since they were before.
func (s *series) between(before counts, now, since time.Time, sessions int) sample {
	times := s.sum.times.Since(before.times)
	return sample{
		unix: now.UnixMilli(), covers: float32(now.Sub(since).Seconds()), sessions: narrow(uint64(max(sessions, 0))),
		statements: narrow(s.sum.statements - before.statements), errors: narrow(s.sum.errors - before.errors),
		p50: float32(times.Quantile(.5)), p99: float32(times.Quantile(.99)),
		seen: narrow(s.sum.seen - before.seen), hidden: narrow(s.sum.hidden - before.hidden),
		in: narrow(s.sum.in - before.in), out: narrow(s.sum.out - before.out),
	}
}

func narrow(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// wide is v for readers.
func (v sample) wide() Sample {
	return Sample{
		Time: time.UnixMilli(v.unix).UTC(), Seconds: round(float64(v.covers)), Sessions: int(v.sessions), Statements: uint64(v.statements), Errors: uint64(v.errors),
		P50: round(float64(v.p50)), P99: round(float64(v.p99)), Seen: uint64(v.seen), Hidden: uint64(v.hidden), In: uint64(v.in), Out: uint64(v.out),
	}
}

// round leaves out what a float32 does not know: six digits after the point, a microsecond.
func round(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// from gives the samples after a moment, each of them the sum of those within a step. Fine ones are had for what lies within their reach, and for the
// seconds since the last coarse one.
func (s *series) from(from, now time.Time, step time.Duration) []Sample {
	b := buckets{after: from.UnixMilli(), step: step.Milliseconds(), list: []Sample{}}
	if now.Sub(from) > mostFine*fineStep {
		s.coarse.each(b.add)
	}
	s.fine.each(b.add)
	return b.list
}

// buckets puts samples together.
type buckets struct {
	after int64 // milliseconds
	step  int64
	last  int64 // bucket
	list  []Sample
}

func (b *buckets) add(v *sample) bool {
	if v.unix <= b.after {
		return true
	}
	b.after = v.unix
	bucket := (v.unix - 1) / b.step
	if len(b.list) > 0 && bucket == b.last {
		b.list[len(b.list)-1].add(v.wide())
		return true
	}
	b.last = bucket
	b.list = append(b.list, v.wide())
	return true
}

// add makes one sample of two that follow each other.
func (s *Sample) add(more Sample) {
	if all := s.Statements + more.Statements; all > 0 {
		s.P50 = round((s.P50*float64(s.Statements) + more.P50*float64(more.Statements)) / float64(all))
	}
	s.Time, s.Seconds = more.Time, round(s.Seconds+more.Seconds)
	s.Sessions, s.P99 = max(s.Sessions, more.Sessions), max(s.P99, more.P99)
	s.Statements += more.Statements
	s.Errors += more.Errors
	s.Seen += more.Seen
	s.Hidden += more.Hidden
	s.In += more.In
	s.Out += more.Out
}
