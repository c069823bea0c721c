package importer

import (
	"strconv"
	"strings"
	"time"
)

func (w *writer) rest(p *Plan) {
	w.health(p.Health, p.rarely())
	if p.Connect > 0 {
		if p.Connect <= defaultConnect {
			w.line("\nconnect: {timeout: %s}", p.Connect)
		} else {
			w.line("\n# connect: {timeout: %s}   # as it was; the default is 2s, and then another server is tried, for connect.budget", p.Connect)
		}
	}
	var balance []string
	if p.Policy != "" {
		balance = append(balance, "policy: "+p.Policy)
	}
	if p.HasBackups() {
		balance = append(balance, "prefer: [local]")
	}
	if p.SlowStart > 0 {
		balance = append(balance, "slow_start: "+p.SlowStart.String())
	}
	if len(balance) > 0 {
		w.line("\nbalance: {%s}", strings.Join(balance, ", "))
	}
	if p.TLS != "" {
		w.line("\nbackend_tls: {mode: %s}", p.TLS)
	}
	if p.SendProxy != "" {
		w.line("\nproxy_protocol: {send: %s}   # to what is found by name", p.SendProxy)
	}
	if p.Sessions > 0 {
		w.line("\nlimits: {sessions: %d}", p.Sessions)
	}
}

// health writes what was quicker than Segue's defaults, and the rest as a comment.
func (w *writer) health(h Health, rarely bool) {
	var keep, was []string
	put := func(quick bool, text string) {
		if quick {
			keep = append(keep, text)
		} else {
			was = append(was, text)
		}
	}
	if h.Interval > 0 {
		put(h.Interval < defaultInterval, "interval: "+h.Interval.String())
	}
	if h.Fast > 0 {
		was = append(was, "fast_interval: "+h.Fast.String())
	}
	if h.Timeout > 0 {
		put(h.Timeout <= defaultTimeout, "timeout: "+h.Timeout.String())
	}
	if h.Rise > 0 {
		put(h.Rise < defaultRise, "rise: "+strconv.Itoa(h.Rise))
	}
	if h.Fall > 0 {
		put(h.Fall < defaultFall, "fall: "+strconv.Itoa(h.Fall))
	}
	if h.Interval > 0 && h.Interval < 50*time.Millisecond {
		keep = append(keep, "fast_interval: "+h.Interval.String())
	}
	if h.User != "" {
		keep = append(keep, "user: "+scalar(h.User))
	}
	if h.Password != "" {
		keep = append(keep, "password: "+quoted(h.Password))
	}
	if len(keep) > 0 {
		w.line("\nhealth: {%s}", strings.Join(keep, ", "))
		if h.Password != "" {
			w.line("# better than its password: password_file: /run/secrets/…, a file that has it as its only line")
		}
	} else if len(was) > 0 {
		w.line("")
	}
	if len(was) > 0 {
		than := "are quicker"
		if rarely {
			than = "are quicker with health.user"
		}
		w.line("# health: {%s}   # as it was; Segue's defaults (every 200ms, rise 2, fall 3) %s", strings.Join(was, ", "), than)
	}
}
