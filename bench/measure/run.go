package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"segue/bench"
)

// Options say what [Run] measures and how it talks.
type Options struct {
	Endpoint    *mysql.Config   // what is measured; required
	Members     []*mysql.Config // the servers behind it, when each has data of its own; empty: they share it
	Flavor      Flavor          // zero: Auto
	Database    string          // for the ledger's table; made, and put away, when it is not there. Zero: DefaultDatabase
	Load        Load
	LoadAddress string // HOST:PORT to which loads are sent; zero: port 8030 of the endpoint's host

	// The run ends after Duration, when Script has returned, or with the context,
	// whichever comes first; zero and nil: with the context.
	Duration time.Duration
	Script   func(ctx context.Context, mark func(text string)) error
	// Sources tell marks until their context is done, each under its name. What one
	// returns is a problem of the run, and ends nothing.
	Sources map[string]func(ctx context.Context, mark func(text string)) error

	OnReady  func(server string) // the clients are connected, and time begins; nil: nobody is told
	OnMark   func(Mark)          // nil: nobody is told
	Progress func(Progress)      // called at every Interval; nil: never
	Interval time.Duration       // zero: a second

	lookAgain time.Duration // for the rows of loads. Zero: the constant
	id        string        // tells this run's rows from any other's
}

// DefaultDatabase is where the ledger's table is.
const DefaultDatabase = "segue_bench"

// Run measures. An error means that there is nothing to be reported: the endpoint
// could not be reached, or a client could not connect before time began.
func Run(ctx context.Context, o Options) (*Result, error) {
	o.id = fmt.Sprintf("%06x", rand.IntN(1<<24))
	if o.Database == "" {
		o.Database = DefaultDatabase
	}
	if err := o.Load.Validate(); err != nil {
		return nil, err
	}
	if err := o.SettleLoadAddress(); err != nil {
		return nil, err
	}
	store, server, err := openStore(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer store.close()
	whole := context.WithoutCancel(ctx)
	r, err := o.measure(ctx, store, server)
	if err != nil {
		return nil, errors.Join(err, store.drop(whole))
	}
	if err := store.drop(whole); err != nil {
		r.Notes = append(r.Notes, "not put away: "+err.Error())
	}
	for i := range r.Problems {
		scrub(o.Endpoint.Passwd, &r.Problems[i])
	}
	for i := range r.Marks {
		scrub(o.Endpoint.Passwd, &r.Marks[i].Text)
	}
	return r, nil
}

// measure is the run proper, between making the tables and putting them away.
func (o *Options) measure(ctx context.Context, store *store, server string) (*Result, error) {
	r := &Result{
		Version: ResultVersion, Server: server, Flavor: store.flavor, Machine: machine(), Marks: []Mark{},
		Endpoint: Redact(o.Endpoint.FormatDSN()),
		Load: LoadSummary{
			Offered: o.Load.offered(store.mostWrites()), TxnHold: Millis(o.Load.TxnHold), SlowFor: Millis(o.Load.SlowFor),
			IdleFor: Millis(o.Load.IdleFor), Timeout: Millis(o.Load.Timeout), Writes: store.table != "", Seed: o.Load.Seed,
		},
	}
	if o.Load.Clients[Loads] > 0 {
		r.Load.Stream = o.Load.Stream.summary(o.LoadAddress)
	}
	rec := &recorder{tally: newTally(), onMark: o.OnMark}
	all := &shared{load: &o.Load, dialect: &store.dialect, ledger: newLedger(), loads: newLoadLedger(), rec: rec}
	clients, err := o.clients(ctx, all)
	if err != nil {
		return nil, err
	}
	if !store.prepares {
		r.Notes = append(r.Notes, "the server prepares no SELECT: every statement was sent as text")
	}
	if o.OnReady != nil {
		o.OnReady(server)
	}
	rec.start = time.Now()
	r.Started = rec.start
	r.Problems = o.work(ctx, rec, append(workers(clients), o.loaders(all, len(clients))...))
	r.Took = Millis(rec.now())
	rec.tally.ended(r.Took.Duration())
	r.Marks = append(r.Marks, rec.marks...)
	r.MachineStall = Millis(rec.stall)
	r.summarize(rec.tally, &o.Load, store.mostWrites())
	if store.table != "" {
		o.audit(context.WithoutCancel(ctx), store, all.ledger, r)
	}
	if store.loads != "" {
		o.auditLoads(context.WithoutCancel(ctx), store, all.loads, r)
	}
	return r, nil
}

// audit compares the ledger with the rows.
func (o *Options) audit(ctx context.Context, store *store, l *ledger, r *Result) {
	rows, err := store.rows(ctx, store.table)
	if err != nil {
		r.Problems = append(r.Problems, "the writes could not be verified: "+err.Error())
		return
	}
	for id := range rows { // of a table that is not this run's alone
		if len(id) < len(o.id) || id[:len(o.id)] != o.id {
			delete(rows, id)
		}
	}
	v := l.judge(rows)
	r.Ledger = &v
}

// work lets the clients work until the run is over, and returns what else went
// wrong. Nothing of it is running any more then.
func (o *Options) work(ctx context.Context, rec *recorder, clients []worker) (problems []string) {
	working, enough := context.WithCancel(ctx)
	defer enough()
	if o.Duration > 0 {
		working, enough = context.WithTimeout(working, o.Duration)
		defer enough()
	}
	var loaded, others sync.WaitGroup
	for _, c := range clients {
		loaded.Go(func() { c.run(working) })
	}
	others.Go(func() { bench.MeasureStall(working, rec.stalled) })
	if o.Progress != nil {
		others.Go(func() { o.show(working, rec) })
	}
	var mu sync.Mutex // guards problems
	for name, source := range o.Sources {
		others.Go(func() {
			err := source(working, func(text string) { rec.mark(name, text) })
			if err != nil && working.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, name+": "+err.Error())
			}
		})
	}
	if o.Script != nil {
		if err := o.Script(working, func(text string) { rec.mark("script", text) }); err != nil {
			mu.Lock()
			problems = append(problems, err.Error())
			mu.Unlock()
		}
		enough()
	}
	<-working.Done()
	rec.stop()
	loaded.Wait()
	others.Wait()
	return problems
}

// show tells how the run goes until ctx is done.
func (o *Options) show(ctx context.Context, rec *recorder) {
	interval := o.Interval
	if interval <= 0 {
		interval = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			o.Progress(rec.progress())
		}
	}
}
