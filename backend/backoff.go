package backend

import "time"

// A backend that refuses quickly always has the fewest sessions, so least-sessions would send everybody there. After a
// failed set-up it is therefore left alone for minBackoff, doubled with each further failure up to maxBackoff.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// backoffDelay is how long a backend is left alone after so many failures in a row.
func backoffDelay(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	d := minBackoff
	for range failures - 1 {
		if d >= maxBackoff {
			break
		}
		d *= 2
	}
	return min(d, maxBackoff)
}

// backoff is where a backend stands. Pure: the caller brings the time.
type backoff struct {
	failures int       // failures in a row; 0: no back-off
	until    time.Time // left alone until then
	trial    *Lease    // the delay is over and this lease is trying; nil: nobody is
}

// blocked says whether the backend should be left alone now: it is waiting, or somebody is trying it already.
func (k *backoff) blocked(now time.Time) bool {
	return k.failures > 0 && (k.trial != nil || now.Before(k.until))
}

// take notes that l was given now, as the trial if one is due. It returns the level that l must bring back.
func (k *backoff) take(l *Lease, now time.Time) (level int) {
	if k.failures > 0 && !k.blocked(now) {
		k.trial = l
	}
	return k.failures
}

// failed notes that the set-up of a lease failed that was given at this level. Of many leases that were given at one
// level only the first to fail counts: a hundred clients that are refused at the same moment are one failure.
func (k *backoff) failed(level int, now time.Time) {
	if level != k.failures {
		return
	}
	k.failures++
	k.until = now.Add(backoffDelay(k.failures))
}

// tried notes that l is over. If it was the trial, the next lease may be.
func (k *backoff) tried(l *Lease) {
	if k.trial == l {
		k.trial = nil
	}
}

// established notes that a set-up reached the final OK: the backend works.
func (k *backoff) established() { *k = backoff{} }
