package measure

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestLoadValidate(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Load)
		want   string
	}{
		{"the default", func(*Load) {}, ""},
		{"nobody", func(l *Load) { l.Clients = [numClasses]int{} }, "there are no clients"},
		{"fewer than none", func(l *Load) { l.Clients[Idle] = -1 }, "--idle -1: want 0 to 20000 clients"},
		{"no rate", func(l *Load) { l.Rate = 0 }, "--rate 0: want arrivals per second"},
		{"no number", func(l *Load) { l.Rate = math.NaN() }, "--rate NaN"},
		{"no rate, and nobody who needs one", func(l *Load) { l.Rate, l.Clients = 0, [numClasses]int{Idle: 1} }, ""},
		{"writers who may not", func(l *Load) { l.NoWrites = true }, "say --write 0"},
		{"readers", func(l *Load) { l.NoWrites, l.Clients[Write] = true, 0 }, ""},
		{"no hold", func(l *Load) { l.TxnHold = 0 }, "want a time above zero"},
		{"no patience", func(l *Load) { l.Timeout = time.Millisecond }, "--timeout 1ms: want 100ms or more"},
		{"slower than patience", func(l *Load) { l.SlowFor = time.Minute }, "every slow statement would time out"},
	} {
		l := DefaultLoad()
		test.change(&l)
		err := l.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestPace(t *testing.T) {
	l := DefaultLoad() // 40 clients share 400 per second
	for _, test := range []struct {
		class      Class
		rate, most float64
		want       float64
	}{
		{Long, 400, 0, 10},
		{Short, 400, 1, 10},
		{Txn, 40, 0, 1},
		{Txn, 400, 0, 6.25}, // twice as far apart as a transaction takes
		{Txn, 400, 1, 1},
		{Write, 400, 0, 10},
		{Write, 400, 1, 1},
		{Idle, 400, 0, 0.1},
		{Slow, 400, 0, 0.25},
	} {
		l.Rate = test.rate
		if got := l.pace(test.class, test.most); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%v at %v, at most %v writes: %v per second, want %v", test.class, test.rate, test.most, got, test.want)
		}
	}
	l.Rate = 400
	if got := l.offered(0); math.Abs(got-(160+160+25+0.8+0.5+40)) > 1e-9 {
		t.Errorf("offered: %v", got)
	}
}
