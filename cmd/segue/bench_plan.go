package main

import (
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"segue/bench/experiment"
	"segue/bench/measure"
	"segue/config"
)

// benchPlan reads flags, environment and the experiment's file.
func (w *world) benchPlan(cmd *cobra.Command, o *benchFlags) (*measure.Options, *experiment.Experiment, error) {
	dsn, from := o.dsn, o.load
	if dsn == "" {
		dsn = w.getenv("SEGUE_BENCH_DSN")
	}
	var e *experiment.Experiment
	plan := &measure.Options{Database: o.database, Duration: o.duration}
	if o.experiment != "" {
		var err error
		if e, err = config.LoadExperiment(o.experiment); err != nil {
			return nil, nil, err
		}
		o.load = e.Load
		o.takeGiven(cmd, &from)
		if dsn == "" {
			dsn = e.DSN
		}
		if len(o.members) == 0 {
			o.members = e.Members
		}
		if e.Flavor != "" && !cmd.Flags().Changed("flavor") {
			o.flavor = e.Flavor
		}
		if o.name == "" {
			o.name = e.Name
		}
		plan.Duration = 0
	}
	if o.load.NoWrites && !cmd.Flags().Changed("write") {
		o.load.Clients[measure.Write] = 0
	}
	if o.load.NoWrites && !cmd.Flags().Changed("loads") {
		o.load.Clients[measure.Loads] = 0
	}
	plan.Load, plan.LoadAddress = o.load, o.loadAddress
	if err := o.load.Validate(); err != nil {
		return nil, nil, usageError{err}
	}
	if err := benchEndpoints(o, plan, dsn); err != nil {
		return nil, nil, usageError{err}
	}
	if o.name == "" {
		o.name = plan.Endpoint.Addr
	}
	return plan, e, nil
}

// takeGiven takes from the flags what was given, over the experiment's.
func (o *benchFlags) takeGiven(cmd *cobra.Command, from *measure.Load) {
	given := cmd.Flags().Changed
	for _, c := range measure.Classes() {
		if given(c.Flag()) {
			o.load.Clients[c] = from.Clients[c]
		}
	}
	take(given("rate"), &o.load.Rate, from.Rate)
	take(given("txn-hold"), &o.load.TxnHold, from.TxnHold)
	take(given("slow-for"), &o.load.SlowFor, from.SlowFor)
	take(given("idle-for"), &o.load.IdleFor, from.IdleFor)
	take(given("timeout"), &o.load.Timeout, from.Timeout)
	take(given("no-writes"), &o.load.NoWrites, from.NoWrites)
	s := &o.load.Stream
	take(given("load-every"), &s.Every, from.Stream.Every)
	take(given("load-rows"), &s.Rows, from.Stream.Rows)
	take(given("load-size"), &s.Size, from.Stream.Size)
	take(given("load-for"), &s.For, from.Stream.For)
	take(given("load-retry"), &s.Retry, from.Stream.Retry)
	take(given("load-no-label"), &s.NoLabel, from.Stream.NoLabel)
	take(given("load-chunked"), &s.Chunked, from.Stream.Chunked)
	take(given("load-timeout"), &s.Timeout, from.Stream.Timeout)
	take(given("seed"), &o.load.Seed, from.Seed)
}

func take[T any](given bool, into *T, value T) {
	if given {
		*into = value
	}
}

// benchEndpoints reads the DSNs and what else names something.
func benchEndpoints(o *benchFlags, plan *measure.Options, dsn string) error {
	var err error
	if plan.Endpoint, err = measure.ParseDSN(dsn); err != nil {
		return err
	}
	for _, text := range o.members {
		var member *mysql.Config
		if member, err = measure.ParseDSN(text); err != nil {
			return fmt.Errorf("--member: %w", err)
		}
		plan.Members = append(plan.Members, member)
	}
	if plan.Flavor, err = measure.ParseFlavor(o.flavor); err != nil {
		return err
	}
	if !measure.GoodName(plan.Database) {
		return errors.New("--database: want up to 64 letters, digits and underscores")
	}
	return plan.SettleLoadAddress()
}
