package importer

import (
	"strings"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
)

// directive is one of nginx, with those in its block.
type directive struct {
	line  int
	words []string // its name first
	block []*directive
}

func (d *directive) word(i int) string {
	if i < len(d.words) {
		return d.words[i]
	}
	return ""
}

// parseNginx reads the directives of a file, whose words F5's own lexer finds.
func parseNginx(p *Plan, text string) ([]*directive, error) {
	tokens := crossplane.Lex(strings.NewReader(text))
	defer func() {
		for range tokens { // so that the lexer ends
			continue
		}
	}()
	root := &directive{}
	open := []*directive{root}
	var current *directive
	for t := range tokens {
		top := open[len(open)-1]
		switch {
		case t.Error != nil:
			return nil, p.problem(t.Line, "correct it: nginx -t says more", "%s", shown(t.Error.Error()))
		case !t.IsQuoted && strings.HasPrefix(t.Value, "#"):
		case !t.IsQuoted && (t.Value == ";" || t.Value == "{"):
			if current == nil {
				if t.Value == "{" {
					return nil, p.problem(t.Line, "correct it: nginx -t says more", "a block without a name")
				}
				continue
			}
			top.block = append(top.block, current)
			if t.Value == "{" {
				if len(open) == maxDepth {
					return nil, p.problem(t.Line, "name the file that nginx reads", "more blocks within blocks than any configuration has")
				}
				open = append(open, current)
			}
			current = nil
		case !t.IsQuoted && t.Value == "}":
			if len(open) == 1 || current != nil {
				return nil, p.problem(t.Line, "correct it: nginx -t says more", "a } that ends nothing, or a ; that is missing before it")
			}
			open = open[:len(open)-1]
		case current == nil:
			current = &directive{line: t.Line, words: []string{t.Value}}
		default:
			current.words = append(current.words, t.Value)
		}
	}
	if len(open) > 1 || current != nil {
		line := open[len(open)-1].line
		if current != nil {
			line = current.line
		}
		return nil, p.problem(line, "correct it: nginx -t says more", "what begins here does not end")
	}
	return root.block, nil
}
