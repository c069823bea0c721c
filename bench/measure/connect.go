package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"segue/bench"
)

// clients makes the clients, and connects those that keep their connection: so
// that a run does not begin with what is wrong from the start.
func (o *Options) clients(ctx context.Context, all *shared) ([]*client, error) {
	var list []*client
	for _, class := range Classes() {
		if class == Loads {
			continue // loaders
		}
		for range o.Load.Clients[class] {
			id := len(list) + 1
			conn, err := bench.NewClientOf(o.Endpoint, o.Load.Timeout)
			if err != nil {
				return nil, err
			}
			list = append(list, &client{
				shared: all, class: class, name: fmt.Sprintf("%s-%d", o.id, id), zone: zone(id), conn: conn,
				timing: newSchedule(o.Load.pace(class, all.dialect.mostWrites()), o.Load.Seed, uint64(id)),
			})
		}
	}
	err := connectAll(ctx, list)
	if err != nil {
		for _, c := range list {
			c.conn.Quit()
		}
	}
	return list, err
}

// connectAll connects a few clients at a time. The first finds out whether the
// server prepares statements.
func connectAll(ctx context.Context, list []*client) error {
	const atATime = 8
	var group *errgroup.Group
	connected := 0
	for i, c := range list {
		if !c.class.kept() {
			continue
		}
		connect := func() error {
			if err := c.connect(ctx); err != nil {
				return fmt.Errorf("connect client %d of %d (%s) before the run: %s: %w", i+1, len(list), c.class, c.doing, err)
			}
			return nil
		}
		if connected++; connected == 1 {
			err := connect()
			if _, refused := errors.AsType[*mysql.MySQLError](err); refused && c.doing == SettingUp {
				c.dialect.prepares = false
				err = connect()
			}
			if err != nil {
				return err
			}
			group, ctx = errgroup.WithContext(ctx)
			group.SetLimit(atATime)
			continue
		}
		group.Go(connect)
	}
	if group == nil {
		return nil
	}
	return group.Wait()
}

// machine is where the bench runs.
func machine() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, %s/%s, %d CPUs", host, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}
