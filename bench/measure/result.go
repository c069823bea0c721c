package measure

import (
	"encoding/json"
	"slices"
	"time"

	"segue/bench"
)

// Millis is a duration that JSON has as milliseconds.
type Millis time.Duration

// MarshalJSON writes milliseconds with microseconds behind the point.
func (m Millis) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(m).Round(time.Microsecond)) / float64(time.Millisecond))
}

// UnmarshalJSON reads milliseconds.
func (m *Millis) UnmarshalJSON(data []byte) error {
	var ms float64
	err := json.Unmarshal(data, &ms)
	*m = Millis(ms * float64(time.Millisecond))
	return err
}

// Duration is m as the standard library has it.
func (m Millis) Duration() time.Duration { return time.Duration(m) }

// ResultVersion is that of the JSON file.
const ResultVersion = 1

// Result is what a run gave: the JSON file of `segue bench`.
type Result struct {
	Version int       `json:"version"`
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Took    Millis    `json:"took_ms"`

	Command  []string    `json:"command"` // without passwords
	Tool     string      `json:"tool"`
	Machine  string      `json:"machine"`
	Endpoint string      `json:"endpoint"` // the DSN, without its password
	Server   string      `json:"server"`   // what it says of itself
	Flavor   Flavor      `json:"flavor"`
	Notes    []string    `json:"notes,omitempty"`
	Load     LoadSummary `json:"load"`

	Felt     Felt         `json:"felt"`
	Classes  []ClassRow   `json:"classes"`
	Faults   []FaultRow   `json:"faults"`
	Ledger   *Verdict     `json:"ledger,omitempty"` // absent: nothing was written, or it could not be read
	Loaded   *LoadVerdict `json:"loads,omitempty"`  // absent: nothing was loaded, or it could not be read
	Problems []string     `json:"problems,omitempty"`
	Marks    []Mark       `json:"marks"`
	Timeline Timeline     `json:"timeline"`

	MachineStall Millis `json:"machine_stall_ms"` // the longest time for which this machine kept the bench waiting
}

// LoadSummary is what was asked of the endpoint.
type LoadSummary struct {
	Offered float64        `json:"offered_per_second"` // arrivals of all clients
	TxnHold Millis         `json:"txn_hold_ms"`
	SlowFor Millis         `json:"slow_for_ms"`
	IdleFor Millis         `json:"idle_for_ms"`
	Timeout Millis         `json:"timeout_ms"`
	Writes  bool           `json:"writes"`
	Seed    uint64         `json:"seed"`
	Stream  *StreamSummary `json:"stream_loads,omitempty"` // absent: nobody loaded
}

// Felt is what a user of the endpoint would have felt.
type Felt struct {
	Answers         int     `json:"answers"`
	Errors          int     `json:"errors"`
	ErrorsPerMinute float64 `json:"errors_per_minute"`
	WorstMinute     int     `json:"errors_in_worst_minute"`
	Stall           Millis  `json:"longest_stall_ms"` // of one client without a right answer
	StallClass      string  `json:"longest_stall_class,omitempty"`
	StallEnd        Millis  `json:"longest_stall_end_ms"`
	Silence         Millis  `json:"longest_silence_ms"` // of all clients together
	SilenceEnd      Millis  `json:"longest_silence_end_ms"`
	SessionsLost    int     `json:"sessions_lost"`
	FoundDead       int     `json:"found_dead"` // of these, pooled connections replaced unseen
	StateLost       int     `json:"state_lost"`
	WrongAnswers    int     `json:"wrong_answers"`
	Overdue         int     `json:"overdue"` // arrivals that could not even begin before the end
}

// ClassRow is what the clients of one class saw.
type ClassRow struct {
	Class        string  `json:"class"`
	Clients      int     `json:"clients"`
	PerSecond    float64 `json:"arrivals_per_second"` // of one client
	Answers      int     `json:"answers"`
	Errors       int     `json:"errors"`
	FoundDead    int     `json:"found_dead"`
	SessionsLost int     `json:"sessions_lost"`
	StateLost    int     `json:"state_lost"`
	Overdue      int     `json:"overdue"`
	Stall        Millis  `json:"longest_stall_ms"`
	Response     Latency `json:"response"`
	Service      Latency `json:"service"`
}

// Latency is a distribution in a few figures. Quantiles are at most 0.8 % high.
type Latency struct {
	P50  Millis `json:"p50_ms"`
	P90  Millis `json:"p90_ms"`
	P99  Millis `json:"p99_ms"`
	P999 Millis `json:"p999_ms"`
	Max  Millis `json:"max_ms"`
	// Buckets are [longest duration in microseconds, how many], shortest first.
	Buckets [][2]int64 `json:"buckets,omitempty"`
}

func latencyOf(h *bench.Histogram, buckets bool) Latency {
	l := Latency{
		P50: Millis(h.Quantile(0.5)), P90: Millis(h.Quantile(0.9)), P99: Millis(h.Quantile(0.99)),
		P999: Millis(h.Quantile(0.999)), Max: Millis(h.Max),
	}
	if buckets {
		h.Each(func(bound time.Duration, n int) {
			l.Buckets = append(l.Buckets, [2]int64{bound.Microseconds(), int64(n)})
		})
	}
	return l
}

// Timeline is the run over time.
type Timeline struct {
	Step    Millis   `json:"step_ms"`
	Parts   []string `json:"parts"` // what the errors of a bucket are, in order
	Buckets []Bucket `json:"buckets"`
}

// Bucket is one step.
type Bucket struct {
	Answers   int    `json:"answers"`
	FoundDead int    `json:"found_dead"`
	Errors    []int  `json:"errors"` // by part
	P50       Millis `json:"p50_ms"` // of the response times of its answers
	P99       Millis `json:"p99_ms"`
	Max       Millis `json:"max_ms"`
}

// Failed is the bucket's errors of all parts.
func (b *Bucket) Failed() int {
	n := 0
	for _, e := range b.Errors {
		n += e
	}
	return n
}

// Clean tells whether no client saw anything wrong, and no write went astray.
func (r *Result) Clean() bool {
	f := &r.Felt
	return f.Errors == 0 && len(r.Problems) == 0 && (r.Ledger == nil || r.Ledger.Faults() == 0) && (r.Loaded == nil || r.Loaded.Faults() == 0)
}

// summarize fills in what the tally has.
func (r *Result) summarize(t *tally, load *Load, mostWrites float64) {
	f := &r.Felt
	f.Answers, f.Errors = t.total()
	f.ErrorsPerMinute = float64(f.Errors) / max(r.Took.Duration().Minutes(), 1e-9)
	f.WorstMinute = t.timeline.worstMinute()
	f.Silence, f.SilenceEnd = Millis(t.silence), Millis(t.silenceEnd)
	for _, c := range Classes() {
		s := &t.scores[c]
		f.SessionsLost += s.sessionsLost
		f.FoundDead += s.foundDead
		f.StateLost += s.stateLost
		f.WrongAnswers += s.wrong
		f.Overdue += s.overdue
		if s.stall > f.Stall.Duration() && (c != Slow && c != Idle && c != Loads || load.busy() == 0) { // their own pace would be most of it
			f.Stall, f.StallClass, f.StallEnd = Millis(s.stall), c.String(), Millis(s.stallEnd)
		}
		if load.Clients[c] == 0 {
			continue
		}
		r.Classes = append(r.Classes, ClassRow{
			Class: c.String(), Clients: load.Clients[c], PerSecond: load.pace(c, mostWrites),
			Answers: s.answers, Errors: s.errors, FoundDead: s.foundDead, SessionsLost: s.sessionsLost, StateLost: s.stateLost,
			Overdue: s.overdue, Stall: Millis(s.stall), Response: latencyOf(&s.response, true), Service: latencyOf(&s.service, true),
		})
	}
	r.Faults = faultRows(t.faults)
	r.Timeline = timelineOf(&t.timeline)
}

func timelineOf(t *timeline) Timeline {
	out := Timeline{Step: Millis(t.step), Buckets: []Bucket{}}
	for _, p := range Parts() {
		out.Parts = append(out.Parts, p.String())
	}
	for _, b := range t.buckets {
		out.Buckets = append(out.Buckets, Bucket{
			Answers: b.answers, FoundDead: b.foundDead, Errors: slices.Clone(b.errors[:]),
			P50: Millis(b.response.Quantile(0.5)), P99: Millis(b.response.Quantile(0.99)), Max: Millis(b.response.Max),
		})
	}
	return out
}
