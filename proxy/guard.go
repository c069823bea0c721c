package proxy

import (
	"log/slog"
	"runtime/debug"
)

// guarded runs one round of a task that serves all sessions. A panic is a bug of ours, and ends the round: without the task
// sessions would stay on backends that leave, and without the process all of them would end. It is logged and counted each time.
func (s *Server) guarded(task string, round func()) {
	defer func() {
		if p := recover(); p != nil {
			s.metrics.serverPanics.Inc()
			s.log.Error("task panicked: please report this", slog.String("task", task), slog.Any("cause", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	round()
}
