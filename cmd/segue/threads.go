package main

import (
	"context"
	"log/slog"
	"syscall"
	"time"
)

// Go would run Segue on as many threads as there are cores. What it does for a statement is so little that threads which wake each other cost more
// than they bring, in CPU and in the slowest response times (bench/README.md: segue and segue-2). So it begins with one thread and one event loop, which
// carry tens of thousands of statements a second, and takes more while it uses up those that it has.
//
// Threads are used up by the CPU time of the process, all else that it does included. Loops are used up when they are at work all the time, and get the CPU for
// that: another one would help neither where it is something else that needs the CPU, nor where other processes have it.

const (
	threadsEvery = 500 * time.Millisecond // how often that is looked at
	widenAt      = 0.7                    // take more above this part of what they could use …
	narrowAt     = 0.4                    // … and fewer below this part of what half of them could,
	narrowAfter  = 60                     // at so many looks in a row
)

// threads decides how many there are to be; of loops as well.
type threads struct {
	now, most int
	spare     int // looks in a row at which half of them would have done
}

// next is told how many of them were used since the last look.
func (t *threads) next(used float64) int {
	switch n := float64(t.now); {
	case t.now > t.most:
		t.now, t.spare = t.most, 0
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

// looper shares its work among event loops.
type looper interface {
	SetLoops(n int)
	Busy() time.Duration // for how long they have worked
}

// machine is what threads are counted and measured by.
type machine struct {
	set func(n int) int      // runtime.GOMAXPROCS
	cpu func() time.Duration // that it has used
}

// followThreads sets the number of threads, and of loops, by what is used of them until ctx is done. The most is what it finds set.
func followThreads(ctx context.Context, m machine, loops looper, log *slog.Logger) {
	most := m.set(0)
	if most == 1 {
		return
	}
	t, l := threads{now: 1, most: most}, threads{now: 1}
	m.set(1)
	defer m.set(most)
	ticker := time.NewTicker(threadsEvery)
	defer ticker.Stop()
	at, cpu, busy := time.Now(), m.cpu(), loops.Busy()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, cpuNow, busyNow := time.Now(), m.cpu(), loops.Busy()
		took := float64(now.Sub(at))
		used, worked := float64(cpuNow-cpu)/took, float64(busyNow-busy)/took
		if was := t.now; t.next(used) != was {
			log.Debug("threads", "from", was, "to", t.now)
			m.set(t.now)
		}
		l.most = t.now
		if was := l.now; l.next(min(used, worked)) != was {
			log.Debug("event loops", "from", was, "to", l.now)
			loops.SetLoops(l.now)
		}
		at, cpu, busy = now, cpuNow, busyNow
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
