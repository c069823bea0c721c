package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"segue/bench"
	"segue/bench/streamload"
)

// loader is a client that sends Stream Loads by a timetable of its own.
type loader struct {
	*shared
	client         streamload.Client
	name           string // unique: the beginning of its labels
	address, path  string
	user, password string
	timing         *schedule
	thirst         thirst
	sent           int
}

// loaders makes them. Clients of other classes have the numbers below from.
func (o *Options) loaders(all *shared, from int) (list []worker) {
	for i := range o.Load.Clients[Loads] {
		id := from + i + 1
		database, table := cutTable(all.dialect.loads)
		list = append(list, &loader{
			shared: all, client: streamload.Client{Timeout: o.Load.Stream.Timeout},
			name: fmt.Sprintf("%s-%d", o.id, id), address: o.LoadAddress, path: "/api/" + database + "/" + table + "/_stream_load",
			user: o.Endpoint.User, password: o.Endpoint.Passwd,
			timing: newSchedule(o.Load.pace(Loads, 0), o.Load.Seed, uint64(id)),
		})
	}
	return list
}

// run serves the timetable until ctx is done. What has been begun by then is ended and counted.
func (l *loader) run(ctx context.Context) {
	due := l.timing.next()
	for bench.Pause(ctx, time.Until(l.rec.start.Add(due))) {
		l.turn(context.WithoutCancel(ctx), due)
		due = l.timing.next()
	}
	const lastMoment = 10 * time.Millisecond // as [client.run]
	l.rec.tell(func(t *tally, at time.Duration) {
		t.scores[Loads].overdue += l.timing.overdue(due, at-lastMoment)
		if l.thirst.waiting {
			t.stalled(at, Loads, l.thirst.quenched(at))
		}
	})
}

// turn sends one load, again if that is wanted and it fails.
func (l *loader) turn(ctx context.Context, due time.Duration) {
	l.thirst.wants(due)
	began := time.Since(l.rec.start)
	l.sent++
	label := fmt.Sprintf("segue_bench-%s-%d", l.name, l.sent)
	r := l.request(ctx, label)
	l.loads.begin(label, l.load.Stream.Rows)
	for attempt := range l.load.Stream.Retry + 1 {
		if attempt > 0 {
			bench.Pause(ctx, retryAfter)
		}
		answer, err := l.client.Put(ctx, r)
		done := l.loads.attempt(label, streamload.FateAfter(answer, err), err == nil && answer.Outcome != "" && !l.load.Stream.NoLabel)
		if wrong := failureOf(answer, err, attempt > 0 && done); wrong != nil {
			l.rec.tell(func(t *tally, at time.Duration) { t.failed(at, Loads, wrong.doing, wrong) })
		}
		if !done {
			continue
		}
		ended := time.Since(l.rec.start)
		a := answered(ended, due, began, &l.thirst)
		l.rec.tell(func(t *tally, at time.Duration) { t.answered(at, Loads, a) })
		return
	}
}

// retryAfter is how long a client waits before it sends a load again.
const retryAfter = time.Second

func answered(ended, due, began time.Duration, t *thirst) answer {
	return answer{response: max(0, ended-due), service: max(0, ended-began), stall: t.quenched(ended)}
}

// request is one load, the same each time it is sent.
func (l *loader) request(ctx context.Context, label string) *streamload.Request {
	body := l.load.Stream.body(label)
	headers := map[string]string{"format": "CSV", "column_separator": ",", "columns": "id,filler"}
	if !l.load.Stream.NoLabel {
		headers["label"] = label
	}
	return &streamload.Request{
		Address: l.address, Path: l.path, User: l.user, Password: l.password, Headers: headers,
		Body: l.load.Stream.reader(ctx, body), Size: int64(len(body)), Chunked: l.load.Stream.Chunked,
	}
}

// loadError is a load that ended otherwise than well.
type loadError struct {
	doing Doing
	said  string // the answer in a few words; "": there was none
	sent  bool   // to the last byte
	err   error
}

func (e *loadError) Error() string { return e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

// failureOf is what a client takes for an error; nil: nothing. A label that is there already is none
// for a client that sent it before and learns that its load is done.
func failureOf(a *streamload.Answer, err error, again bool) *loadError {
	if err == nil {
		if a.Good() || again && a.Fate() == streamload.Loaded {
			return nil
		}
		return &loadError{doing: AwaitingLoad, said: "Status " + a.Status, sent: true, err: fmt.Errorf("%s: %s", a.Status, a.Message)}
	}
	e := &loadError{doing: AwaitingLoad, err: err}
	if f, ok := errors.AsType[*streamload.Failure](err); ok {
		e.doing, e.sent = doingOf(f), f.Sent
	}
	if s, ok := errors.AsType[*streamload.StatusError](err); ok {
		e.said = fmt.Sprintf("HTTP %d", s.Code)
	}
	return e
}

func doingOf(f *streamload.Failure) Doing {
	switch {
	case f.Phase == streamload.Sending:
		return SendingLoad
	case f.Phase == streamload.Waiting:
		return AwaitingLoad
	case f.Phase == streamload.Connecting && f.Redirected:
		return ReachingNode
	case f.Phase == streamload.Connecting:
		return ReachingFrontend
	case f.Redirected:
		return AskingNode
	}
	return AskingFrontend
}
