package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"segue/backend/wire"
)

// newLog is a logger to w: text for a person, JSON for a collector. It is sparing, and shows what strangers said as it is fit to be shown.
func newLog(w io.Writer, level slog.Level, terminal bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: cleanAttr}
	if terminal {
		return slog.New(newSparing(slog.NewTextHandler(w, options)))
	}
	options.ReplaceAttr = readableAttr
	return slog.New(newSparing(slog.NewJSONHandler(w, options)))
}

// readableAttr is cleanAttr, and writes 1.5s where JSON would have nanoseconds.
func readableAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
		return a
	}
	return cleanAttr(groups, a)
}

// longestText is the longest text that a line has in one place, in bytes, but for the stack of a panic.
const longestText = 4 << 10

// cleanAttr makes texts fit to be shown.
func cleanAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Key == "stack" {
		return a // its lines are this program's
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(wire.Shown(a.Value.String(), longestText))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(wire.Shown(v.Error(), longestText))
		case fmt.Stringer:
			if a.Key != slog.LevelKey {
				a.Value = slog.StringValue(wire.Shown(v.String(), longestText))
			}
		}
	default:
	}
	return a
}

// stdLog takes lines of package log, which are net/http's: of what a server sends unasked, for the most part.
type stdLog struct{ log *slog.Logger }

// Write implements io.Writer.
func (l stdLog) Write(line []byte) (int, error) {
	l.log.Debug("package log", "cause", string(line))
	return len(line), nil
}

// logLevel is the flag --log-level.
type logLevel struct{ slog.Level }

// logLevels are the words for it.
func logLevels() []string { return []string{"debug", "info", "warn", "error"} }

// Set implements pflag.Value.
func (l *logLevel) Set(s string) error {
	for _, word := range logLevels() {
		if strings.EqualFold(s, word) {
			return l.UnmarshalText([]byte(word))
		}
	}
	return fmt.Errorf("it is debug, info, warn or error")
}

// String implements pflag.Value.
func (l *logLevel) String() string { return strings.ToLower(l.Level.String()) }

// Type implements pflag.Value.
func (l *logLevel) Type() string { return "level" }
