package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// backendState is of a backend what the measurement needs to know: part of what Segue's API says.
type backendState struct {
	Name     string `json:"name"`
	Health   string `json:"health"`
	Sessions int    `json:"sessions"`
}

// ask gets an answer of Segue's API, which whoever asks closes.
func (f *front) ask(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/api/v1/%s", f.admin, path), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return resp, nil
}

// backend asks for one backend.
func (f *front) backend(ctx context.Context, name string) (backendState, error) {
	resp, err := f.ask(ctx, "backends")
	if err != nil {
		return backendState{}, err
	}
	defer resp.Body.Close()
	var all []backendState
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return backendState{}, err
	}
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
	}
	return backendState{}, fmt.Errorf("there is no backend %s", name)
}

// order is an operator's word: "drain" or "ready".
func (f *front) order(ctx context.Context, name, word string) error {
	return post(ctx, fmt.Sprintf("http://%s/api/v1/backends/%s/%s", f.admin, name, word))
}

// drain is how long it takes until a backend that is to be drained has no session left.
func (f *front) drain(ctx context.Context, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, growthPatience)
	defer cancel()
	began := time.Now()
	if err := f.order(ctx, name, "drain"); err != nil {
		return 0, err
	}
	for {
		b, err := f.backend(ctx, name)
		if err != nil {
			return 0, fmt.Errorf("drain: %w", err)
		}
		if b.Sessions == 0 {
			return time.Since(began), f.order(ctx, name, "ready")
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, fmt.Errorf("drain: %d sessions left after %v: %w", b.Sessions, growthPatience, err)
		}
	}
}

// detect is how long it takes until Segue says down of a server that has been killed. The server is back when it returns.
func (f *front) detect(ctx context.Context, server int) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, growthPatience)
	defer cancel()
	resp, err := f.ask(ctx, "events")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	events, name := bufio.NewScanner(resp.Body), fmt.Sprintf("s%d", server+1)
	if err := await(events, name, "up"); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := tellServer(ctx, "stop", server); err != nil {
		return 0, err
	}
	err = await(events, name, "down")
	took = time.Since(began)
	if back := tellServer(ctx, "start", server); err == nil {
		err = back
	}
	return took, err
}

// await reads events until a backend is in a state.
func await(events *bufio.Scanner, name, health string) error {
	for events.Scan() {
		data, ok := strings.CutPrefix(events.Text(), "data: ")
		if !ok {
			continue
		}
		var b backendState
		if err := json.Unmarshal([]byte(data), &b); err != nil {
			return err
		}
		if b.Name == name && b.Health == health {
			return nil
		}
	}
	return fmt.Errorf("no event says that %s is %s: %w", name, health, events.Err())
}
