package main

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/proxy"
)

// A KILL that a client of the new Segue says reaches the session of the old one that it means, by the id of either kind, wherever the two stand; and a session
// that is killed ends, and does not move.
func TestKillAfterATakeover(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	addr, api := deadAddress(t), deadAddress(t)
	path := configFile(t, configuration(fes, fmt.Sprintf("listen: %s\nadmin: %s\n", addr, api)))
	old := takeOverFrom(t, path, addr, api)
	var victims []*sql.Conn
	for range 8 {
		victims = append(victims, old.conn())
	}
	threads := map[*sql.Conn]int64{}
	seen := map[string]int{}
	for _, c := range victims {
		var id int64
		if err := c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		threads[c] = id
		seen[old.on(c)]++
	}
	if len(seen) != 2 {
		t.Fatalf("%v", seen)
	}
	list, err := old.client.Sessions(t.Context())
	if err != nil || len(list) != len(victims) {
		t.Fatal(list, err)
	}
	now := takeOverFrom(t, path, addr, api)
	killer := now.conn()
	now.on(killer)
	ctx := t.Context()
	alive := func(c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "SELECT 1")
		return err
	}
	// The ids that clients see are in the order of their coming.
	for i, c := range victims {
		id := int64(list[i].ID)
		if i%4 > 1 {
			id = threads[c]
		}
		if i%2 > 0 {
			ran := make(chan error, 1)
			go func() {
				_, err := c.ExecContext(ctx, "SELECT SLEEP(30)")
				ran <- err
			}()
			eventually(t, "busy", func() bool {
				sessions, err := now.client.Sessions(ctx)
				if err != nil {
					return false
				}
				for _, s := range sessions {
					if s.ID == list[i].ID {
						return s.State == proxy.Busy.String()
					}
				}
				return false
			})
			if _, err := killer.ExecContext(ctx, fmt.Sprint("KILL QUERY ", id)); err != nil {
				t.Errorf("KILL QUERY %d: %v", id, err)
			}
			select {
			case err := <-ran:
				if err == nil {
					t.Errorf("KILL QUERY %d: it has run", id)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("KILL QUERY %d: it runs", id)
			}
			if err := alive(c); err != nil {
				t.Errorf("KILL QUERY %d has ended the session: %v", id, err)
			}
		}
		if _, err := killer.ExecContext(ctx, fmt.Sprint("KILL ", id)); err != nil {
			t.Errorf("KILL %d: %v", id, err)
		}
		eventually(t, fmt.Sprintf("KILL %d to end the session", id), func() bool { return alive(c) != nil })
	}
	if err := alive(killer); err != nil {
		t.Error(err)
	}
	if _, err := killer.ExecContext(ctx, fmt.Sprint("KILL ", list[0].ID)); err == nil || !strings.Contains(err.Error(), fmt.Sprint(list[0].ID)) {
		t.Errorf("of one that has gone: %v", err)
	}
	if got := now.metrics(); strings.Contains(got, `result="ok",to=`) {
		t.Errorf("a session has moved:\n%s", got)
	}
}
