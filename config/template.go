package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variable is what other programs would fill in: ${NAME}, $NAME, $(command), {{ template }}, %NAME%.
var variable = regexp.MustCompile(`\$\{[^}]*\}|^\$[A-Z_][A-Z0-9_]*$|^\$\(.*\)$|\{\{.*\}\}|^%[A-Z_][A-Z0-9_]*%$`)

// unfilled reports a value that somebody expected to be filled in, and that would be taken as it stands. It tells nothing of a secret.
func (p *parser) unfilled(n *yaml.Node, what, remedy string) bool {
	if n == nil || n.Kind != yaml.ScalarNode || !variable.MatchString(n.Value) {
		return false
	}
	p.report(n, what+" reads like a variable, and none is filled in here", remedy)
	return true
}

// plainText is text in which a variable is a mistake.
func (p *parser) plainText(into *string) func(*yaml.Node) {
	read := p.text(into)
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = anyText()
			return
		}
		if !p.unfilled(n, p.key(n), "write the value out") {
			read(n)
		}
	}
}

// secretText is text that is a secret.
func (p *parser) secretText(into *string) func(*yaml.Node) {
	read := p.text(into)
	return func(n *yaml.Node) {
		if p.asked(n) {
			p.said = anyText()
			return
		}
		switch {
		case p.unfilled(n, p.key(n), inAFile):
		case strings.ContainsAny(n.Value, "\r\n"): // nothing shows a secret, so that nobody would see why it is refused
			p.report(n, p.key(n)+" has a line break in it", "take it out, or write the password into a file, and name that by password_file")
		default:
			read(n)
		}
	}
}

// inAFile is what to do about a secret that reads like a variable, be it one or not.
const inAFile = "write it into a file, where everything is taken as it stands, and name that by password_file"

// fileRemedy says what to do about a file that cannot be read.
func fileRemedy(path string) string {
	const remedy = "it must be a file with the password alone, readable for Segue"
	if variable.MatchString(path) {
		return fmt.Sprintf("variables are not filled in here; %s", remedy)
	}
	return remedy
}
