package importer

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

func (n *nginx) readUpstream(u *directive, proxyOut string) error {
	p := n.plan
	for _, d := range u.block {
		switch d.word(0) {
		case "server":
			if err := n.readServer(d, proxyOut); err != nil {
				return err
			}
		case "least_conn":
			p.Policy = "least-sessions"
		case "hash", "random", "least_time":
			p.remark(d.line, "%s: sessions are not bound to a server by their address, nor sent by its times; least-sessions is taken", d.word(0))
		case "zone", "state":
		case "resolver":
			n.resolver(d)
		default:
			p.remark(d.line, "%s: no equivalent", shown(d.word(0)))
		}
	}
	return nil
}

func (n *nginx) readServer(d *directive, proxyOut string) error {
	p := n.plan
	at := d.word(1)
	b := Backend{Line: d.line, SendProxy: proxyOut}
	if isTemplate(at) {
		return p.problem(d.line, "import what nginx really reads, with the values in", "the address of a server is of a template or of a variable")
	}
	host, port := split(at)
	dynamic, service := false, nginxService(d)
	if path, ok := strings.CutPrefix(at, "unix:"); ok {
		b.Address = at
		if !strings.HasPrefix(path, "/") || len(path) > 90 || strings.ContainsAny(path, " \t\r\n") {
			return p.problem(d.line, "correct it", "%q is no path of a UNIX socket", shown(path))
		}
	} else if service != "" {
		if b.Address = service + "." + at; !srvName.MatchString(b.Address) {
			return p.problem(d.line, "write server NAME service=_SERVICE._PROTO resolve, without a port", "%q is no name of SRV records", shown(b.Address))
		}
	} else if b.Address, ok = place(host, port); !ok {
		return p.problem(d.line, "write HOST:PORT", "%q is no address of a server", shown(at))
	}
	for _, word := range d.words[min(2, len(d.words)):] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "weight":
			if w := number(value); w > 0 {
				b.Weight = w
			}
		case "backup":
			b.Backup = true
		case "down":
			b.Off = "it was down"
			p.remark(d.line, "server %s is down: it stands in a comment; `segue drain` and `segue maint` say it of a running one", shown(at))
		case "max_fails", "fail_timeout":
			p.remark(d.line, "max_fails, fail_timeout: servers are probed, and what clients meet has one probed at once: health.interval (200ms), fall, rise")
		case "max_conns":
			p.remark(d.line, "max_conns: the server's own max_connections is the limit; one that is full is passed over")
		case "slow_start":
			if t, ok := nginxTime(value); ok {
				p.SlowStart = t
			}
		case "resolve":
			dynamic = true
		case "service":
		default:
			p.remark(d.line, "server … %s: no equivalent", shown(name))
		}
	}
	if _, err := netip.ParseAddr(host); err != nil && dynamic || service != "" {
		n.found(d, b)
		return nil
	}
	p.Backends = append(p.Backends, b)
	return nil
}

// nginxService is the first half of the name of SRV records: what service= says, in its short forms too; "": nothing.
func nginxService(d *directive) string {
	for _, word := range d.words {
		if service, ok := strings.CutPrefix(word, "service="); ok && service != "" {
			if strings.HasPrefix(service, "_") {
				return service
			}
			if strings.Contains(service, ".") { // nginx asks for that very name
				return service
			}
			return "_" + service + "._tcp"
		}
	}
	return ""
}

// found is a server by the addresses of a name.
func (n *nginx) found(d *directive, b Backend) {
	if b.Weight > 1 {
		n.plan.remark(d.line, "weight of a server with resolve: what is found has weight 1 (SRV records can say another)")
	}
	if b.Backup {
		n.plan.remark(d.line, "backup: what is found by a name serves beside all others; write the backups as backends, with another zone than the rest and balance.prefer: [local]")
	}
	n.plan.Names = append(n.plan.Names, Name{Text: b.Address, Off: b.Off, SendProxy: b.SendProxy, Line: b.Line})
}

// nginxTime reads a time span of nginx: seconds, unless it has units.
func nginxTime(text string) (time.Duration, bool) {
	units := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "M": 30 * 24 * time.Hour, "y": 365 * 24 * time.Hour, "": time.Second,
	}
	total := time.Duration(0)
	if text == "" {
		return 0, false
	}
	for text != "" {
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		amount, err := strconv.ParseUint(text[:digits], 10, 31)
		if err != nil {
			return 0, false
		}
		text = text[digits:]
		letters := len(text) - len(strings.TrimLeft(text, "mshdwMy"))
		unit, ok := units[text[:letters]]
		text = strings.TrimLeft(text[letters:], " ")
		if total += time.Duration(amount) * unit; !ok || total > maxSpan || total < 0 {
			return 0, false
		}
	}
	return total, true
}
