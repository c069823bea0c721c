package experiment

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"segue/bench"
)

// await returns when a condition holds.
func (s *Stage) await(ctx context.Context, c Condition, timeout time.Duration) error {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if life := s.lives[c.Exits]; c.Exits != "" {
		if life == nil {
			return nil
		}
		select {
		case <-life.exited:
			return nil
		case <-within.Done():
			return named("wait until "+c.String(), timeout, within.Err())
		}
	}
	const beat = 50 * time.Millisecond
	for {
		err := s.holds(within, c)
		if err == nil {
			return nil
		}
		if !bench.Pause(within, beat) {
			if ctx.Err() == nil {
				err = fmt.Errorf("it does not within %v: %w", timeout, err)
			}
			return named("wait until "+c.String(), 0, err)
		}
	}
}

// holds tells why a condition does not hold.
func (s *Stage) holds(ctx context.Context, c Condition) error {
	if c.Command != "" {
		return s.command(ctx, c.Command)
	}
	const patience = 2 * time.Second // a host that says nothing is asked again
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if c.URL != "" {
		return answers(ctx, c.URL, c.Status)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.Listens+c.Refuses)
	if err == nil {
		_ = conn.Close()
	}
	if c.Refuses == "" {
		return err
	}
	if err == nil {
		return errors.New("it takes connections")
	}
	return nil
}

// answers tells why a URL does not answer with a status.
func answers(ctx context.Context, url string, status int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(request)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != status {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}
