package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"segue/backend"
	"segue/backend/compress"
)

// key is the dotted path under which n was found, for problems.
func (p *parser) key(n *yaml.Node) string {
	for path, value := range p.where {
		if value == n {
			return path
		}
	}
	return "value"
}

// scalar reports a value that is a list or a set of keys.
func (p *parser) scalar(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return true
	}
	p.report(n, p.key(n)+" is "+kindOf(n), "write a single value")
	return false
}

// text reads words. Numbers are taken as they are written: a password may
// well consist of digits.
func (p *parser) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = anyText()
			return
		}
		if p.scalar(n) {
			*into = n.Value
		}
	}
}

// besideFile reads the path of a file. A relative one begins where the configuration lies.
func (p *parser) besideFile(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = anyText()
			return
		}
		if !p.scalar(n) {
			return
		}
		if *into = ""; n.Value == "" {
			return
		}
		if path, ok := p.placed(n, p.key(n), n.Value); ok {
			*into = path
		}
	}
}

// LongestSpan is the longest time span that is taken from anywhere: nobody means a longer one, and a hundred of them still fit into a Duration.
const LongestSpan = 365 * 24 * time.Hour

// duration reads a time span of at least least.
func (p *parser) duration(into *time.Duration, least time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = spanShape(least == 0)
			return
		}
		if !p.scalar(n) {
			return
		}
		d, err := time.ParseDuration(n.Value)
		if err != nil {
			p.notDuration(n)
			return
		}
		switch {
		case d > LongestSpan:
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), fmt.Sprintf("write %s or less", LongestSpan))
		case d >= least:
			*into = d
		case least == 0:
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), n.Value), "write 0s or more")
		case least < minInterval:
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), n.Value), "write a time above zero")
		default:
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), n.Value), fmt.Sprintf("write %s or more", least))
		}
	}
}

// durationOrOff reads a time span; 0 is off.
func (p *parser) durationOrOff(into *time.Duration) func(*yaml.Node) {
	read := p.duration(into, 0)
	return func(n *yaml.Node) {
		if read(n); *into == 0 {
			*into = off
		}
	}
}

func (p *parser) notDuration(n *yaml.Node) {
	if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
		p.report(n, fmt.Sprintf("%s: %s has no unit", p.key(n), n.Value),
			fmt.Sprintf("did you mean %sms or %ss?", n.Value, n.Value))
		return
	}
	p.report(n, fmt.Sprintf("%s: %q is not a time span", p.key(n), shorten(n.Value)),
		"write a number with its unit: 200ms, 2s, 1m")
}

// truth reads true or false.
func (p *parser) truth(n *yaml.Node, into *bool) bool {
	if p.asked(n) {
		p.said = yesOrNo()
		return false
	}
	if !p.scalar(n) {
		return false
	}
	if n.ShortTag() != "!!bool" || n.Decode(into) != nil {
		p.report(n, fmt.Sprintf("%s: %q is neither true nor false", p.key(n), shorten(n.Value)), "write true or false")
		return false
	}
	return true
}

// count reads a whole number from 1 to most.
func (p *parser) count(into *int, most int) func(*yaml.Node) { return p.number(into, 1, most) }

// countOrOff reads a whole number up to most; 0 is off.
func (p *parser) countOrOff(into *int, most int) func(*yaml.Node) {
	read := p.number(into, 0, most)
	return func(n *yaml.Node) {
		if read(n); *into == 0 {
			*into = off
		}
	}
}

// number reads a whole number from least to most.
func (p *parser) number(into *int, least, most int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = numberShape(least, most)
			return
		}
		if !p.scalar(n) {
			return
		}
		number, err := strconv.Atoi(n.Value)
		remedy := fmt.Sprintf("write a whole number from %d to %d", least, most)
		switch {
		case n.ShortTag() != "!!int":
			p.report(n, fmt.Sprintf("%s: %q is not a whole number", p.key(n), shorten(n.Value)), remedy)
		case err != nil || number < least || number > most:
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), remedy)
		default:
			*into = number
		}
	}
}

// oneOf reads one of a few words.
func (p *parser) oneOf(into *string, words ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = wordShape(words...)
			return
		}
		if p.word(n, words) {
			*into = n.Value
		}
	}
}

// compression reads how backends are asked to compress.
func (p *parser) compression(into *compress.Algorithm) func(*yaml.Node) {
	words := []string{compress.Off.String(), compress.Zlib.String(), compress.Zstd.String()}
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = wordShape(words...)
			return
		}
		if !p.word(n, words) {
			return
		}
		if a, err := compress.Parse(n.Value); err == nil {
			*into = a
		}
	}
}

// sizeUnits are the units of sizes, the largest first.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// maxSize is the largest size that is taken.
const maxSize = 1 << 50

// size reads a number of bytes with its unit, of at least least.
func (p *parser) size(into *int64, least int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = sizeShape()
			return
		}
		if !p.scalar(n) {
			return
		}
		for _, u := range sizeUnits {
			number, ok := strings.CutSuffix(n.Value, u.name)
			if !ok {
				continue
			}
			v, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			switch {
			case err != nil:
			case v > maxSize/u.bytes:
				p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), "write "+sizeText(maxSize)+" or less")
				return
			case v*u.bytes < least:
				p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), "write "+sizeText(least)+" or more")
				return
			default:
				*into = v * u.bytes
				return
			}
			break
		}
		p.report(n, fmt.Sprintf("%s: %q is not a size", p.key(n), shorten(n.Value)), "write a number with its unit: 512MiB, 1GiB")
	}
}

// sizeText is a size in words.
func sizeText(n int64) string {
	for _, u := range sizeUnits {
		if n%u.bytes == 0 && n != 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// mariadb is another name for mysql.
const mariadb = "mariadb"

// flavor reads what the backends are.
func (p *parser) flavor(into *backend.Flavor) func(*yaml.Node) {
	words := []string{}
	for _, f := range flavors() {
		words = append(words, f.String())
	}
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = shape{"anyOf": []shape{wordShape(append(words, mariadb)...), {"type": "string", "pattern": "^" + anyCase(mariadb) + "$"}}}
			return
		}
		if !strings.EqualFold(n.Value, mariadb) && !p.word(n, words) {
			return
		}
		if f, err := backend.ParseFlavor(strings.ToLower(n.Value)); err == nil {
			*into = f
		}
	}
}

func flavors() []backend.Flavor {
	return []backend.Flavor{backend.StarRocks, backend.Doris, backend.TiDB, backend.MySQL}
}

// word reports a value that is none of words.
func (p *parser) word(n *yaml.Node, words []string) bool {
	if !p.scalar(n) {
		return false
	}
	if slices.Contains(words, n.Value) {
		return true
	}
	remedy := "known: " + strings.Join(words, ", ")
	if near := Nearest(strings.ToLower(n.Value), words); near != "" {
		remedy = fmt.Sprintf("did you mean %q? %s", near, remedy)
	}
	p.report(n, fmt.Sprintf("%s: unknown word %q", p.key(n), shorten(n.Value)), remedy)
	return false
}

// address reads a host:port to listen on. The port is at least leastPort; the
// example is what a remedy shows for a value that cannot be mended.
func (p *parser) address(into *string, example string, leastPort int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = addressShape(true, false)
			return
		}
		if !p.scalar(n) {
			return
		}
		fault := checkAddress(n.Value, addressRules{example: example, leastPort: leastPort, anyHost: true})
		if fault != nil {
			p.report(n, p.key(n)+": "+fault.what, fault.remedy)
			return
		}
		*into = n.Value
	}
}
