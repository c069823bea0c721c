package bench

import (
	"errors"
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	var y Tally
	for _, e := range []Event{
		{Workload: Long, Kind: Answered, Wait: 3 * time.Millisecond},
		{Workload: Short, Kind: Answered, Wait: time.Second},
		{Workload: Long, Kind: Reconnected, Err: errors.New("closed")},
		{Workload: Short, Kind: ConnectEOF, Err: errors.New("first")},
		{Workload: Short, Kind: ConnectEOF, Err: errors.New("second"), Wait: time.Hour},
		{Workload: Slow, Kind: WrongAnswer, Err: errors.New("wrong")},
	} {
		y.Add(e)
	}
	if got := y.Count(Answered); got != 2 {
		t.Errorf("answered %d, want 2", got)
	}
	if got := y.Errors(); got != 3 {
		t.Errorf("errors %d, want 3: a reconnect is none", got)
	}
	if got := y.Kinds[Short][ConnectEOF]; got != 2 {
		t.Errorf("short-lived EOFs %d, want 2", got)
	}
	if y.Sample(ConnectEOF) != "first" || y.Sample(StatementCut) != "" {
		t.Errorf("samples %q and %q", y.Sample(ConnectEOF), y.Sample(StatementCut))
	}
	if y.Waits.Max != time.Second {
		t.Errorf("longest wait %v: only answers have one", y.Waits.Max)
	}
}

func TestHistogram(t *testing.T) {
	tests := []struct {
		d      time.Duration
		bucket int
	}{
		{-time.Second, 0},
		{0, 0},
		{time.Millisecond, 0},
		{time.Millisecond + 1, 1},
		{2 * time.Millisecond, 1},
		{2*time.Millisecond + 1, 2},
		{4 * time.Millisecond, 2},
		{1024 * time.Millisecond, 10},
		{1025 * time.Millisecond, 11},
		{time.Hour, histogramBuckets - 1},
	}
	var all Histogram
	for _, tt := range tests {
		var h Histogram
		h.Add(tt.d)
		all.Add(tt.d)
		if h.Counts[tt.bucket] != 1 {
			t.Errorf("%v is not in bucket %d (up to %v): %v", tt.d, tt.bucket, Bound(tt.bucket), h.Counts)
		}
	}
	if got := all.Longer(2); got != 3 {
		t.Errorf("longer than %v: %d, want 3", Bound(2), got)
	}
	if all.Max != time.Hour {
		t.Errorf("max %v", all.Max)
	}
}
