package health

import (
	"log/slog"
	"time"

	"segue/backend"
	"segue/backend/client"
)

// The defaults of [Options].
const (
	DefaultInterval     = 200 * time.Millisecond
	DefaultFastInterval = 50 * time.Millisecond
	DefaultTimeout      = time.Second
	DefaultRise         = 2
	DefaultFall         = 3
)

// Options says how to probe. The zero value means the defaults.
type Options struct {
	// Flavor is the kind of server that is probed.
	Flavor backend.Flavor `yaml:"-"`
	// Interval is the time from one round to the next while a session uses the backend. A round may begin up to a tenth
	// of it earlier, so that many probers do not fall into step; the first after a doubt is anywhere in it. Zero: DefaultInterval.
	Interval time.Duration `yaml:"interval"`
	// FastInterval takes its place while the health is in question. Zero: DefaultFastInterval.
	FastInterval time.Duration `yaml:"fast_interval"`
	// Timeout is the longest that one check may take. Zero: DefaultTimeout.
	Timeout time.Duration `yaml:"timeout"`
	// Rise is how many rounds in a row must pass before a backend is up. Zero: DefaultRise.
	Rise int `yaml:"rise"`
	// Fall is how many rounds in a row must fail before a backend is down; an answer that is overdue counts once for each
	// Interval. Zero: DefaultFall.
	Fall int `yaml:"fall"`
	// User logs in to the MySQL port where the greeting alone would be read otherwise; it needs no privilege. Empty: no
	// login. Logins stand in the server's audit log.
	User string `yaml:"user"`
	// Password is the password of User. It is never logged.
	Password string `yaml:"password" json:"-"`
	// Trust says whom Password may be given to, if a server wants it whole.
	Trust client.Trust `yaml:"-" json:"-"`
}

// minInterval is the shortest time between the beginnings of two rounds, whatever is configured or observed.
const minInterval = 10 * time.Millisecond

// normal gives the options with their defaults filled in.
func (o Options) normal() Options {
	o.Interval = max(orDefault(o.Interval, DefaultInterval), minInterval)
	o.FastInterval = min(max(orDefault(o.FastInterval, DefaultFastInterval), minInterval), o.Interval)
	o.Timeout = orDefault(o.Timeout, DefaultTimeout)
	o.Rise = orDefault(o.Rise, DefaultRise)
	o.Fall = orDefault(o.Fall, DefaultFall)
	return o
}

// orDefault gives def in place of a value that is zero or makes no sense.
func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// LogValue implements [slog.LogValuer]: the password stays out of the log.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("flavor", o.Flavor.String()),
		slog.Duration("interval", o.Interval),
		slog.Duration("fast_interval", o.FastInterval),
		slog.Duration("timeout", o.Timeout),
		slog.Int("rise", o.Rise),
		slog.Int("fall", o.Fall),
		slog.String("user", o.User),
	)
}
