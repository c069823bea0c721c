package rollout

import (
	"fmt"
	"time"
)

// Traffic is what has passed Segues: how many statements, how many of them were answered by an error, and how long their answers took.
type Traffic struct {
	Statements int64    `json:"statements"`
	Failed     int64    `json:"failed"`
	Buckets    []Bucket `json:"buckets,omitempty"`
}

// Bucket is how many statements took at most so long.
type Bucket struct {
	Le    float64 `json:"le"` // seconds
	Count int64   `json:"count"`
}

// traffic is that of all Segues together. told is false where one does not tell.
func traffic(f *Facts) (sum Traffic, told bool) {
	for i := range f.Segues {
		t := f.Segues[i].Traffic
		if t == nil || sum.Buckets != nil && len(sum.Buckets) != len(t.Buckets) {
			if f.Segues[i].Error != "" {
				continue
			}
			return Traffic{}, false
		}
		sum.Statements += t.Statements
		sum.Failed += t.Failed
		if sum.Buckets == nil {
			sum.Buckets = make([]Bucket, len(t.Buckets))
		}
		for j, b := range t.Buckets {
			sum.Buckets[j].Le = b.Le
			sum.Buckets[j].Count += b.Count
		}
	}
	return sum, sum.Buckets != nil
}

// since is what has passed since then. ok is false where that cannot be told: a Segue was restarted, or another one is there.
func (t Traffic) since(then *Traffic) (d Traffic, ok bool) {
	if then == nil || len(t.Buckets) != len(then.Buckets) || t.Statements < then.Statements || t.Failed < then.Failed {
		return Traffic{}, false
	}
	d = Traffic{Statements: t.Statements - then.Statements, Failed: t.Failed - then.Failed}
	for i, b := range t.Buckets {
		if b.Count -= then.Buckets[i].Count; b.Count < 0 {
			return Traffic{}, false
		}
		d.Buckets = append(d.Buckets, b)
	}
	return d, true
}

// p99 is the response time that 99 % of the statements kept to, interpolated within its bucket as Prometheus does; 0: nothing has passed.
func (t *Traffic) p99() time.Duration {
	if len(t.Buckets) == 0 || t.Statements == 0 {
		return 0
	}
	want, below, from := 0.99*float64(t.Statements), 0.0, 0.0
	for _, b := range t.Buckets {
		if n := float64(b.Count); n >= want {
			return time.Duration((from + (b.Le-from)*(want-below)/max(n-below, 1)) * float64(time.Second))
		}
		below, from = float64(b.Count), b.Le
	}
	return time.Duration(from * float64(time.Second))
}

func (t *Traffic) errorRate() float64 { return float64(t.Failed) / float64(max(t.Statements, 1)) }

// enough is how many statements say something of response times.
const enough = 200

// unsettled says that too few statements have passed to compare; empty: enough have, or there is nothing to compare, or they come too slowly.
func (s *State) unsettled(f *Facts, p *Progress) string {
	now, told := traffic(f)
	if !s.Ask.Compares() || !told || s.Before.Statements < enough || f.Now.Sub(p.Since) > s.Ask.Limits.Settle {
		return ""
	}
	if passed, ok := now.since(p.Traffic); ok && passed.Statements < enough {
		return fmt.Sprintf("%d statements to compare response times by; %d have passed", enough, passed.Statements)
	}
	return ""
}

// worse says why clients are not as well as before the rollout; empty: they are, or nobody can tell.
func (s *State) worse(f *Facts, p *Progress) string {
	now, told := traffic(f)
	passed, ok := now.since(p.Traffic)
	if !s.Ask.Compares() || !told || !ok || passed.Statements < enough || s.Before.Statements < enough {
		return ""
	}
	was, is := s.Before.p99(), passed.p99()
	if s.Ask.P99Factor > 0 && was > 0 && float64(is) > s.Ask.P99Factor*float64(was) {
		return fmt.Sprintf("p99 is %v, before the rollout it was %v; --p99-factor is %g", is.Round(time.Microsecond), was.Round(time.Microsecond), s.Ask.P99Factor)
	}
	if s.Ask.ErrorRate > 0 && passed.errorRate() > s.Before.errorRate()+s.Ask.ErrorRate {
		return fmt.Sprintf("%.1f %% of statements are answered by errors, before the rollout %.1f %% were; --error-rate is %g", 100*passed.errorRate(), 100*s.Before.errorRate(), s.Ask.ErrorRate)
	}
	return ""
}

// incomparable says why nobody can tell whether clients are as well as before; empty: somebody can, or it was not asked for.
func (s *State) incomparable(f *Facts, p *Progress) string {
	if !s.Ask.Compares() {
		return ""
	}
	now, told := traffic(f)
	passed, ok := now.since(p.Traffic)
	switch {
	case !told:
		return "a Segue does not tell how fast statements are answered"
	case s.Before.Statements < enough:
		return fmt.Sprintf("%d statements had passed before the rollout, %d are needed", s.Before.Statements, enough)
	case !ok:
		return "another Segue answers than when the node was let in"
	case passed.Statements < enough:
		return fmt.Sprintf("%d statements have passed within %v, %d are needed", passed.Statements, s.Ask.Limits.Settle, enough)
	}
	return ""
}
