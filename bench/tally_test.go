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
