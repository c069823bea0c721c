package main

import (
	"database/sql"
	"syscall"
	"testing"
	"time"

	"segue/backend/fesim"
	"segue/config"
)

func TestLingering(t *testing.T) {
	t.Parallel()
	const connected = time.Duration(-1)
	none, delay, wait, both := config.Shutdown{}, config.Shutdown{Delay: 5 * time.Second}, config.Shutdown{WaitClients: 20 * time.Second}, config.Shutdown{Delay: 5 * time.Second, WaitClients: 20 * time.Second}
	for name, test := range map[string]struct {
		s             config.Shutdown
		asked, vacant time.Duration
		want          time.Duration
	}{
		"by default not at all":                           {none, 0, connected, 0},
		"the delay, whoever is connected":                 {delay, 0, time.Hour, 5 * time.Second},
		"the rest of it":                                  {delay, 3 * time.Second, connected, 2 * time.Second},
		"no longer, though a client is connected":         {delay, 5 * time.Second, connected, 0},
		"while a client is connected":                     {wait, 2 * time.Second, connected, 18 * time.Second},
		"no longer than for so long":                      {wait, 20 * time.Second, connected, 0},
		"the last one has just left":                      {wait, 2 * time.Second, 0, time.Second},
		"a little ago":                                    {wait, 2 * time.Second, 900 * time.Millisecond, 100 * time.Millisecond},
		"they have left":                                  {wait, 2 * time.Second, time.Second, 0},
		"nobody was ever there":                           {wait, 0, time.Hour, 0},
		"the last one has just left, and the time is up":  {wait, 19900 * time.Millisecond, 0, 100 * time.Millisecond},
		"the delay comes first, though they have left":    {both, time.Second, time.Hour, 4 * time.Second},
		"then it is whether they have":                    {both, 5 * time.Second, time.Hour, 0},
		"then it is whether they are connected":           {both, 5 * time.Second, connected, 15 * time.Second},
		"a delay that is longer than the wait is what is": {config.Shutdown{Delay: time.Minute, WaitClients: time.Second}, 30 * time.Second, connected, 30 * time.Second},
	} {
		got, cause := lingering(test.s, test.asked, test.vacant)
		if got != test.want || (cause == "") != (got == 0) {
			t.Errorf("%s: %s %q, want %s", name, got, cause, test.want)
		}
	}
}

// An application that is told to stop together with Segue still connects, and Segue ends when it has.
func TestSIGTERMWhileClientsAreConnected(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 2, fesim.Options{})
	s := serve(t, []string{"SEGUE_SHUTDOWN_WAIT_CLIENTS=1h"}, "--config", configFile(t, configuration(fes, "")))
	first := s.conn()
	s.signal(syscall.SIGTERM)
	eventually(t, "not ready, and still taking clients", func() bool {
		err := s.client.Ready(t.Context())
		return err != nil && err.Error() == "stopping, and still taking clients"
	})
	if status, err := s.client.Status(t.Context()); err != nil || status.State != "stopping" {
		t.Errorf("status: %s %v", status.State, err)
	}
	second := s.conn()
	s.on(first)
	for _, c := range []*sql.Conn{first, second} {
		s.on(c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	s.db.Close()
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, s.stderr)
	}
}

// shutdown.delay is for clients that are yet to come: nobody is connected.
func TestSIGTERMWithDelay(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	s := serve(t, nil, "--config", configFile(t, configuration(fes, "")), "--shutdown-delay", "1h")
	s.signal(syscall.SIGTERM)
	eventually(t, "not ready", func() bool { return s.client.Ready(t.Context()) != nil })
	s.on(s.conn())
	s.signal(syscall.SIGTERM) // the second one: now
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, s.stderr)
	}
}

// Who has second thoughts about how long Segue goes on changes the file: it holds for one that goes on, too.
func TestReloadWhileClientsAreConnected(t *testing.T) {
	t.Parallel()
	fes := frontends(t, 1, fesim.Options{})
	file := configFile(t, configuration(fes, "shutdown: {wait_clients: 1h}\n"))
	s := serve(t, nil, "--config", file)
	c := s.conn()
	defer c.Close()
	s.on(c)
	s.signal(syscall.SIGTERM)
	eventually(t, "not ready", func() bool { return s.client.Ready(t.Context()) != nil })
	writeFile(t, file, configuration(fes, "shutdown: {wait_clients: 10ms}\n"))
	if code := s.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, s.stderr)
	}
}
