package kube

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// watchLeast to watchMost is how long the server is asked to keep a watch open, by chance, so that those of many do not end together. It is what the API's
	// own library asks for.
	watchLeast, watchMost = 5 * time.Minute, 10 * time.Minute
	// watchGrace is how much longer a watch may take than the server was asked for.
	watchGrace = 30 * time.Second
	// settled is how long a watch must have lasted for the next one to begin at once, and to count as one that works where it brought nothing.
	settled = 5 * time.Second
	// pageSize is how many objects are listed at a time.
	pageSize = 250
	// maxEvent is the longest event that is read: an object has at most 1.5 MiB in etcd.
	maxEvent = 4 << 20

	minDelay, maxDelay = 200 * time.Millisecond, 30 * time.Second
)

// Collection is what is followed: the objects at a path, as far as selectors leave them.
type Collection struct {
	Path           string // "/api/v1/namespaces/NAMESPACE/pods"
	Labels, Fields string // selectors as in the API; empty: all
}

// Follower is who follows a collection. Both functions are called by Follow, one at a time.
type Follower struct {
	// Report gets all objects when they are known first, and after each change.
	Report func(objects []json.RawMessage)
	// Trouble gets what went wrong; Follow then tries again, a while later, unless an error is returned, with which it ends. What was reported last is the
	// latest that is known. May be nil.
	Trouble func(error) error
}

// Follow lists the collection, and watches it from there on, until ctx is done or the follower ends it. It lists again where the server has forgotten what happened
// since, and connects again with a delay that grows by chance up to half a minute.
func (c *Client) Follow(ctx context.Context, what Collection, by Follower) error {
	f := follow{client: c, what: what, report: by.Report, pause: minDelay, least: watchLeast, most: watchMost}
	for ctx.Err() == nil {
		begun := time.Now()
		err := f.round(ctx)
		if ctx.Err() != nil {
			break
		}
		lasted := time.Since(begun) >= settled
		if lasted || f.heard {
			f.pause, f.heard = minDelay, false
		}
		if lasted && (err == nil || errors.Is(err, errExpired)) {
			continue // an end that was agreed
		}
		if err != nil && by.Trouble != nil {
			if end := by.Trouble(err); end != nil {
				return end
			}
		}
		if wait(ctx, delay(f.pause, err, rand.Float64())) != nil {
			break
		}
		f.pause = min(2*f.pause, maxDelay)
	}
	return ctx.Err()
}

// delay is how long to wait behind a failure: half to all of pause, by chance (0 to 1), and never less than the server wants.
func delay(pause time.Duration, err error, chance float64) time.Duration {
	d := pause/2 + time.Duration(chance*float64(pause/2))
	if e, ok := errors.AsType[*Error](err); ok {
		d = max(d, e.RetryAfter)
	}
	return d
}

// wait waits for d, or until ctx is done, whose error it gives then.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// List gives all objects of the collection, as the API server has them at hand.
func (c *Client) List(ctx context.Context, what Collection) ([]json.RawMessage, error) {
	f := follow{client: c, what: what}
	if err := f.list(ctx); err != nil {
		return nil, err
	}
	return f.state.Objects(), nil
}

// follow is a Follow under way.
type follow struct {
	client *Client
	what   Collection
	report func([]json.RawMessage)
	least  time.Duration // of a watch
	most   time.Duration
	state  State
	listed bool          // once before
	heard  bool          // the latest watch has brought an event
	pause  time.Duration // behind the next failure
}

// round lists if that is due, and watches until the watch ends.
func (f *follow) round(ctx context.Context) error {
	if f.state.Version() == "" {
		if err := f.list(ctx); err != nil {
			return err
		}
		f.report(f.state.Objects())
	}
	return f.watch(ctx)
}

// list reads all pages. The first time it takes what the API server has at hand, which spares etcd where many start at once; a watch brings it up to date. Behind
// an expired version only the latest will do.
func (f *follow) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	f.state.Expire()
	query := f.query()
	query.Set("limit", strconv.Itoa(pageSize))
	if !f.listed {
		query.Set("resourceVersion", "0")
	}
	f.listed = true
	for {
		body, err := f.page(ctx, query)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		next, err := f.state.Page(body)
		if err != nil || next == "" {
			return err
		}
		query.Set("continue", next)
		query.Del("resourceVersion") // the rest is of the first page's
	}
}

func (f *follow) page(ctx context.Context, query url.Values) ([]byte, error) {
	resp, err := f.client.send(ctx, http.MethodGet, f.what.Path, query, "", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readAll(resp.Body, maxBody)
}

// watch reads events until the server ends the watch, which is no error.
func (f *follow) watch(ctx context.Context) error {
	length := f.least + rand.N(f.most-f.least)
	ctx, cancel := context.WithTimeout(ctx, length+watchGrace)
	defer cancel()
	query := f.query()
	query.Set("watch", "1")
	query.Set("allowWatchBookmarks", "true")
	query.Set("resourceVersion", f.state.Version())
	query.Set("timeoutSeconds", strconv.Itoa(int(length/time.Second)))
	resp, err := f.client.send(ctx, http.MethodGet, f.what.Path, query, "", nil)
	if err != nil {
		if Code(err) == http.StatusGone {
			f.state.Expire()
			return errExpired
		}
		return fmt.Errorf("watch: %w", err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body) // the server ends each event with a line feed
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		changed, err := f.state.Event(lines.Bytes())
		if err != nil {
			return fmt.Errorf("watch %s: %w", f.what.Path, err)
		}
		f.heard = true
		if changed {
			f.report(f.state.Objects())
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			f.state.Expire() // a list may be shorter than the event that is skipped
		}
		return fmt.Errorf("watch %s: %w", f.what.Path, err)
	}
	return nil
}

func (f *follow) query() url.Values {
	query := make(url.Values)
	if f.what.Labels != "" {
		query.Set("labelSelector", f.what.Labels)
	}
	if f.what.Fields != "" {
		query.Set("fieldSelector", f.what.Fields)
	}
	return query
}
