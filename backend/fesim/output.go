package fesim

import (
	"context"
	"errors"
	"io"
	"time"

	"segue/backend/wire"
)

// hang says nothing more, until the client or the FE ends the connection.
func (s *session) hang() {
	_, _ = io.Copy(io.Discard, s.conn)
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

// packet sends a payload: at once if the fault says so, else when there is enough or the answer is complete.
func (s *session) packet(payload []byte) error {
	s.out, s.seq = wire.AppendPacket(s.out, s.seq, payload)
	if s.fault.SlowResult > 0 {
		if err := s.sleep(s.life.ctx, s.fault.SlowResult); err != nil {
			return err
		}
		return s.flush()
	}
	if len(s.out) >= flushAt {
		return s.flush()
	}
	return nil
}

// flush writes what has been gathered.
func (s *session) flush() error {
	out := s.out
	if s.out = s.out[:0]; cap(s.out) > 2*flushAt {
		s.out = nil // one long row is no reason to hold so much for ever
	}
	if s.mute || len(out) == 0 {
		return nil
	}
	if s.fault.Truncate && s.last != nil {
		_, _ = s.conn.Write(out[:len(out)-1-len(out)/3])
		return errCut
	}
	_, err := s.conn.Write(out)
	return err
}

var errCut = errors.New("cut by fault")

// sleep waits for d. It ends early, with an error, with ctx or when the client has gone.
func (s *session) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
			if s.clientGone() {
				return errGone
			}
		}
	}
}
