package main

import (
	"context"
	"fmt"
	"time"

	"segue/backend"
	"segue/bench/measure"
	"segue/cmd/internal/admin"
)

// benchSources adds to plan who else tells marks.
func (w *world) benchSources(ctx context.Context, o *benchFlags, plan *measure.Options, tool *string) error {
	plan.Sources = map[string]func(context.Context, func(string)) error{}
	if o.mark != "" {
		control, err := measure.ListenControl(o.mark)
		if err != nil {
			return usageError{err}
		}
		context.AfterFunc(ctx, control.Close) // for a run that does not begin
		plan.Sources["control"] = control.Serve
		fmt.Fprintf(w.stdout, "marks: segue bench mark --to %s TEXT\n", control.Address())
	}
	if o.segue != "" {
		if err := checkAdmin(o.segue, "--segue"); err != nil {
			return err
		}
		client, err := w.adminClient(adminFlags{address: o.segue})
		if err != nil {
			return err
		}
		status, err := client.Status(ctx)
		if err != nil {
			return fmt.Errorf("%w; is Segue running there? --segue names its admin address", err)
		}
		*tool += "; Segue measured: " + status.Version + " on " + status.Listen
		plan.Sources["segue"] = func(ctx context.Context, mark func(string)) error {
			defer client.Close()
			tellChanges(ctx, client, mark)
			return nil
		}
	}
	return nil
}

// tellChanges marks each change of Segue's backends until ctx is done. A Segue
// that goes and comes back is told, too.
func tellChanges(ctx context.Context, client *admin.Client, mark func(string)) {
	known := map[string]string{}
	told := true
	for ctx.Err() == nil {
		err := client.Events(ctx, func(e admin.Event) error {
			if !told {
				mark("segue tells events again")
				told = true
			}
			tellChange(known, e, mark)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		if told {
			mark("segue tells no more events" + because(err))
			told = false
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tellChange marks an event if the backend is not as it was. How it stands at the
// beginning is told only when it is not usable.
func tellChange(known map[string]string, e admin.Event, mark func(string)) {
	state := e.Health.String()
	switch {
	case e.Removed:
		state = "removed"
	case e.Admin != backend.Ready:
		state = e.Admin.String()
	}
	if state == backend.Unknown.String() {
		return // Segue does not know yet: no news
	}
	before, seen := known[e.Name]
	known[e.Name] = state
	if before == state || !seen && e.Usable() {
		return
	}
	text := e.Name + ": " + state
	if e.Cause != "" && !e.Usable() && !e.Removed {
		text += " (" + e.Cause + ")"
	}
	mark(text)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
