package facts

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"segue/backend"
	"segue/backend/discover/sql"
)

// Clock asks a server what time it is. It returns by how much the server's clock is ahead of this machine's, as far as can be told: a server says seconds, and its
// answer takes its time, so that what is below either is nothing.
func (s *Source) Clock(ctx context.Context, seed backend.Spec) (ahead time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*s.Timeout)
	defer cancel()
	c, err := sql.Dial(ctx, s.target(seed))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	table, err := s.query(ctx, c, "SELECT UNIX_TIMESTAMP()")
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	if table.Len() != 1 || len(table.Rows[0]) != 1 {
		return 0, fmt.Errorf("%s: UNIX_TIMESTAMP() gave %d rows", seed.Address, table.Len())
	}
	said, err := strconv.ParseFloat(table.Rows[0][0], 64)
	if err != nil {
		return 0, fmt.Errorf("%s: UNIX_TIMESTAMP(): %w", seed.Address, err)
	}
	at := time.UnixMilli(int64(said * 1000))
	switch {
	case at.After(ended):
		return at.Sub(ended), nil
	case at.Add(time.Second).Before(began):
		return at.Add(time.Second).Sub(began), nil
	}
	return 0, nil
}
