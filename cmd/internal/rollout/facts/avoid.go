package facts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"segue/backend"
	"segue/backend/discover/sql"
	"segue/cmd/internal/rollout"
)

// Drain has nobody give a node work: the Segues, or for a backend or compute node the frontends.
func (s *Source) Drain(ctx context.Context, n rollout.Node) error {
	if n.Kind == rollout.Backend || n.Kind == rollout.Compute {
		return s.avoid(ctx, n, true)
	}
	return s.Fleet.Drain(ctx, n)
}

// Ready takes that back; stood is what single Segues are told instead, by address.
func (s *Source) Ready(ctx context.Context, n rollout.Node, stood map[string]backend.Admin) error {
	if n.Kind == rollout.Backend || n.Kind == rollout.Compute {
		return s.avoid(ctx, n, false)
	}
	return s.Fleet.Ready(ctx, n, stood)
}

// avoid puts a node on the blacklist of every frontend, or takes it off: each has its own, in memory. Without it a frontend sends work to a backend that leaves until a heartbeat
// has told, which that refuses; reads are tried elsewhere then, and writes are not. StarRocks alone has it, from 3.3 on.
//
// https://docs.starrocks.io/docs/administration/management/BE_blacklist/
func (s *Source) avoid(ctx context.Context, n rollout.Node, add bool) error {
	if s.Flavor != backend.StarRocks {
		return nil
	}
	if _, err := strconv.ParseUint(n.ID, 10, 64); err != nil {
		return fmt.Errorf("its id is not known (%q)", n.ID)
	}
	verb, kind := "DELETE", "BACKEND"
	if add {
		verb = "ADD"
	}
	if n.Kind == rollout.Compute {
		kind = "COMPUTE NODE"
	}
	var failed []error
	for _, at := range s.fes {
		err := s.tellFrontend(ctx, at, verb+" "+kind+" BLACKLIST "+n.ID)
		if !errors.Is(err, syscall.ECONNREFUSED) { // nothing runs there: it has no list, and plans nothing
			failed = append(failed, err)
		}
	}
	err := errors.Join(failed...)
	if err != nil && add { // one that some avoid and others do not is as good as none, and is not left behind
		for _, at := range s.fes {
			_ = s.tellFrontend(ctx, at, "DELETE "+kind+" BLACKLIST "+n.ID)
		}
	}
	return err
}

// tellFrontend runs one statement on one frontend.
func (s *Source) tellFrontend(ctx context.Context, at, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	c, err := sql.Dial(ctx, s.target(s.spec(at)))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Query(ctx, statement); err != nil {
		return fmt.Errorf("%s on %s: %w", statement, at, err)
	}
	return nil
}
