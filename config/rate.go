package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// off is how the rooms' options say that there is none of something: their
// zero means the default, the file's zero means off.
const off = -1

// leastRate is the lowest that is one.
const leastRate = 0.01

// maxRate is the highest rate of sessions that may be asked for.
const maxRate = 10_000

// rate reads a number per second; 0 is off.
func (p *parser) rate(into *float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = shape{"anyOf": []shape{{"enum": []any{0, "0"}}, fractionShape(leastRate, maxRate, "")}}
			return
		}
		if !p.scalar(n) {
			return
		}
		switch x, err := strconv.ParseFloat(n.Value, 64); {
		case err != nil:
			p.report(n, fmt.Sprintf("%s: %q is not a number", p.key(n), shorten(n.Value)), "write sessions per second, such as 10; 0: off")
		case !(x == 0 || x >= leastRate && x <= maxRate): // NaN too
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), fmt.Sprintf("write 0.01 to %d sessions per second; 0: off", maxRate))
		case x == 0:
			*into = off
		default:
			*into = x
		}
	}
}

// percentage reads 20%, or 0.2, which is the same.
func (p *parser) percentage(into *float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = fractionShape(0.01, 1, "%?")
			return
		}
		if !p.scalar(n) {
			return
		}
		digits, percent := strings.CutSuffix(n.Value, "%")
		x, err := strconv.ParseFloat(digits, 64)
		if percent {
			x /= 100
		}
		switch {
		case err != nil:
			p.report(n, fmt.Sprintf("%s: %q is not a percentage", p.key(n), shorten(n.Value)), "write it as in 20%")
		case !(x >= 0.01 && x <= 1): // NaN too
			p.report(n, fmt.Sprintf("%s is %s", p.key(n), shorten(n.Value)), "write 1% to 100%")
		default:
			*into = x
		}
	}
}

func rateText(rate float64) string {
	if rate < 0 {
		return "off"
	}
	return fmt.Sprint(rate)
}

func percentText(x float64) string { return strconv.FormatFloat(x*100, 'g', 6, 64) + "%" }
