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

// Drain has nobody give a node work: the Segues, or for a backend or compute node the frontends, and for loads the Segues.
func (s *Source) Drain(ctx context.Context, n rollout.Node) error {
	if n.Kind == rollout.Backend || n.Kind == rollout.Compute {
		s.Fleet.spareLoads(ctx, n, true)
		return s.avoid(ctx, n, true)
	}
	return s.Fleet.Drain(ctx, n)
}

// Ready takes that back; stood is what single Segues are told instead, by address.
func (s *Source) Ready(ctx context.Context, n rollout.Node, stood map[string]backend.Admin) error {
	if n.Kind == rollout.Backend || n.Kind == rollout.Compute {
		s.Fleet.spareLoads(ctx, n, false)
		return s.avoid(ctx, n, false)
	}
	return s.Fleet.Ready(ctx, n, stood)
}

// avoid puts a node on the blacklist of every frontend, or takes it off: each has its own, in memory. Without it a frontend sends work to a backend that leaves until a heartbeat
// has told, which that refuses; reads are tried elsewhere then, and writes are not. StarRocks has it from 3.3 on.
//
// https://docs.starrocks.io/docs/administration/management/BE_blacklist/
func (s *Source) avoid(ctx context.Context, n rollout.Node, add bool) error {
	if s.Flavor != backend.StarRocks && s.Flavor != backend.Doris {
		return nil
	}
	if _, err := strconv.ParseUint(n.ID, 10, 64); err != nil {
		return fmt.Errorf("its id is not known (%q)", n.ID)
	}
	if s.Flavor == backend.Doris {
		return s.disable(ctx, n, add)
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

// disable has all frontends of Doris plan no new queries and loads on a backend, or plan them there again. It is in the metadata, and stays until it is taken back. What somebody else has said of one of the two is left
// alone: DisabledFor.
//
// https://doris.apache.org/docs/sql-manual/sql-statements/cluster-management/instance-management/MODIFY-BACKEND
func (s *Source) disable(ctx context.Context, n rollout.Node, add bool) error {
	err := s.setDisabled(ctx, n, add)
	if err != nil && add { // one of the two alone is not left behind; the connection may be what failed
		err = errors.Join(err, s.setDisabled(ctx, n, false))
	}
	return err
}

// setDisabled sets the switches of a backend.
func (s *Source) setDisabled(ctx context.Context, n rollout.Node, to bool) error {
	c, err := s.dial(ctx, "")
	if err != nil {
		return err
	}
	defer c.Close()
	var failed []error
	for _, what := range []string{"query", "load"} {
		if what == n.DisabledFor {
			continue
		}
		_, err := s.query(ctx, c, fmt.Sprintf(`ALTER SYSTEM MODIFY BACKEND "%s" SET ("disable_%s" = "%t")`, n.ID, what, to))
		failed = append(failed, err)
	}
	return errors.Join(failed...)
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
