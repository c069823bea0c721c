package main

import (
	"context"
	"log/slog"
	"syscall"
	"time"
)

// Go would run Segue on as many threads as there are cores. What it does for a statement is so little that threads which wake each other cost more
// than they bring, in CPU and in the slowest response times (bench/README.md: segue and segue-2). So it begins with one, which
// carries tens of thousands of statements a second, and takes more while it uses up those that it has.

const (
	threadsEvery = 500 * time.Millisecond // how often that is looked at
	widenAt      = 0.7                    // take more above this part of what the threads could use …
	narrowAt     = 0.4                    // … and fewer below this part of what half of them could,
	narrowAfter  = 60                     // at so many looks in a row
)

// threads decides how many there are to be.
type threads struct {
	now, most int
	spare     int // looks in a row at which half of them would have done
}

// next is told how many cores were used since the last look.
func (t *threads) next(used float64) int {
	switch n := float64(t.now); {
	case used > widenAt*n:
		t.now, t.spare = min(2*t.now, t.most), 0
	case t.now > 1 && used < narrowAt*n/2:
		if t.spare++; t.spare == narrowAfter {
			t.now, t.spare = t.now/2, 0
		}
	default:
		t.spare = 0
	}
	return t.now
}

// followThreads sets the number of threads by set, which is runtime.GOMAXPROCS, as used, the CPU time of the process, asks for it, until ctx is
// done. The most is what it finds set.
func followThreads(ctx context.Context, set func(n int) int, used func() time.Duration, log *slog.Logger) {
	t := threads{now: 1, most: set(0)}
	if t.most == 1 {
		return
	}
	set(1)
	defer set(t.most)
	ticker := time.NewTicker(threadsEvery)
	defer ticker.Stop()
	at, before := time.Now(), used()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, cpu := time.Now(), used()
		was := t.now
		if n := t.next(float64(cpu-before) / float64(now.Sub(at))); n != was {
			log.Debug("threads", "from", was, "to", n)
			set(n)
		}
		at, before = now, cpu
	}
}

// cpuTime is what the process has used so far; 0 if that is not to be had.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
