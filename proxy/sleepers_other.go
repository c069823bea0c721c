//go:build !linux

package proxy

import "log/slog"

// sleepers is of Linux alone: elsewhere nobody naps.
type sleepers struct{ log *slog.Logger }

func (*sleepers) start() (stop func())    { return func() {} }
func (*sleepers) open() bool              { return false }
func (*sleepers) add(*session) bool       { return false }
func (*sleepers) remove(*session, uint64) {}
