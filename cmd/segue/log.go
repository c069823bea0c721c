package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// newLog is a logger to w: text for a person, JSON for a collector.
func newLog(w io.Writer, level slog.Level, terminal bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if terminal {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = readableDuration
	return slog.New(slog.NewJSONHandler(w, options))
}

// readableDuration writes 1.5s where JSON would have nanoseconds.
func readableDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// logLevel is the flag --log-level.
type logLevel struct{ slog.Level }

// Set implements pflag.Value.
func (l *logLevel) Set(s string) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(s, level.String()) {
			l.Level = level
			return nil
		}
	}
	return fmt.Errorf("it is debug, info, warn or error")
}

// String implements pflag.Value.
func (l *logLevel) String() string { return strings.ToLower(l.Level.String()) }

// Type implements pflag.Value.
func (l *logLevel) Type() string { return "level" }
