package health

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestCombine(t *testing.T) {
	ok, note := Result{Verdict: Passed}, Result{Passed, "wrong user", 1}
	failed, leaving := Result{Failed, "refused", 1}, Result{Leaving, "500", 1}
	odd, odd2 := Result{Misconfigured, "401", 1}, Result{Misconfigured, "used up", 1}
	for _, c := range []struct {
		name string
		in   []Result
		want Result
	}{
		{"all well", []Result{ok, ok}, Result{Passed, "", 0}},
		{"one failed", []Result{ok, failed}, Result{Failed, "refused", 1}},
		{"leaving is worse than failed", []Result{failed, leaving}, Result{Leaving, "500", 2}},
		{"the same, the other way round", []Result{leaving, failed}, Result{Leaving, "500", 2}},
		{"misconfigured leaves the decision to the greeting: passed", []Result{odd, ok}, Result{Passed, "401", 1}},
		{"misconfigured leaves the decision to the greeting: failed", []Result{odd, failed}, Result{Failed, "refused; 401", 2}},
		{"misconfigured leaves the decision to the health URL", []Result{ok, odd2}, Result{Passed, "used up", 1}},
		{"nothing but misconfigured", []Result{odd, odd2}, Result{Misconfigured, "401; used up", 2}},
		{"a remark stays", []Result{ok, note}, Result{Passed, "wrong user", 1}},
	} {
		if got := combine(c.in...); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name           string
		o              Options
		question, used bool
		want           time.Duration
	}{
		{"used", Options{}, false, true, 200 * time.Millisecond},
		{"in question", Options{}, true, true, 50 * time.Millisecond},
		{"in question and unused", Options{}, true, false, 50 * time.Millisecond},
		{"unused", Options{}, false, false, time.Second},
		{"unused, but not too slow", Options{Interval: time.Second}, false, false, 2 * time.Second},
		{"unused, and slow by itself", Options{Interval: time.Minute}, false, false, time.Minute},
		{"fast is never slower", Options{Interval: 20 * time.Millisecond}, true, true, 20 * time.Millisecond},
		{"nonsense", Options{Interval: 1, FastInterval: -1}, true, true, minInterval},
	} {
		if got := c.o.normal().pace(c.question, c.used); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestJitterOnlyShortens(t *testing.T) {
	beat := time.Unix(1, 0)
	for i := range 1000 {
		last := beat.Add(time.Duration(i) * 777 * time.Microsecond)
		for _, random := range []float64{0, 0.5, 0.999999} {
			for _, d := range []time.Duration{minInterval, DefaultFastInterval, DefaultInterval, time.Second} {
				at := next(last, d, random, false, beat)
				if gap := at.Sub(last); gap > d || gap < d-d/10 && gap != minInterval {
					t.Errorf("random %v: %v, %v later", random, d, gap)
				}
				if d > minInterval && at.Sub(beat)%(d/20) != 0 {
					t.Errorf("random %v, %v: off the beat by %v", random, d, at.Sub(beat)%(d/20))
				}
				if gap := next(last, d, random, true, beat).Sub(last); gap > d || gap < minInterval {
					t.Errorf("random %v, spread: %v, %v later", random, d, gap)
				}
			}
		}
	}
	if next(beat, time.Second, 0.1, false, beat).Equal(next(beat, time.Second, 0.9, false, beat)) {
		t.Error("there is no jitter")
	}
}

func TestBudget(t *testing.T) {
	var g budget
	for i := range maxUnfinished {
		if !g.allows(0) {
			t.Fatalf("used up after %d", i)
		}
		g.spend()
	}
	if g.allows(0) {
		t.Error("one too many")
	}
	if !g.allows(1) {
		t.Error("a login did not reset it")
	}
	g.spend()
	if g.spent != 1 {
		t.Errorf("%d spent after the login, want 1", g.spent)
	}
}

func TestOptionsKeepThePasswordToThemselves(t *testing.T) {
	const secret = "hunter2"
	if text := (Options{User: "u", Password: secret}).LogValue().String(); strings.Contains(text, secret) {
		t.Errorf("the log would say %s", text)
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                      "plain",
		"two\nlines\t and \x00 more": "two lines and more",
		"bad \xff utf8":              "bad utf8",
		strings.Repeat("a", 200):     strings.Repeat("a", maxCause) + "…",
		strings.Repeat("ä", 100):     strings.Repeat("ä", maxCause/2) + "…",
		"\x1b[31mred":                "[31mred",
	} {
		if got := short(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func FuzzShort(f *testing.F) {
	f.Add("ä\x00\xff" + strings.Repeat("x", maxCause))
	f.Fuzz(func(t *testing.T, in string) {
		out := short(in)
		if !utf8.ValidString(out) || len(out) > maxCause+len("…") || strings.ContainsAny(out, "\n\r\x00\x1b") {
			t.Errorf("%q became %q", in, out)
		}
	})
}

// What Segue lacks for asking says nothing of the backend.
func TestNetVerdict(t *testing.T) {
	for errno, want := range map[syscall.Errno]Verdict{
		syscall.EMFILE: Misconfigured, syscall.EADDRNOTAVAIL: Misconfigured, syscall.ENOBUFS: Misconfigured,
		syscall.ECONNREFUSED: Failed, syscall.ECONNRESET: Failed, syscall.EHOSTUNREACH: Failed,
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}
		if v, cause := netVerdict(err, time.Second); v != want || cause == "" {
			t.Errorf("%v: %v, %q; want %v", errno, v, cause, want)
		}
	}
}
