package check

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Step is a command of a page, and what it is to say.
type Step struct {
	Line       int
	Command    string
	Want       []string // lines; none: whatever it says
	Background bool     // it goes on while others run
}

// Steps are the commands of a block whose text begins at line.
func Steps(line int, text string) ([]Step, error) {
	var steps []Step
	continued := false // the line before ends with \
	for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		n := len(steps) - 1
		command, isCommand := strings.CutPrefix(l, "$ ")
		more, isMore := strings.CutPrefix(l, "> ")
		if l == ">" {
			more, isMore = "", true
		}
		switch {
		case isCommand && !continued:
			steps = append(steps, Step{Line: line + i, Command: command})
			continued = strings.HasSuffix(command, `\`)
		case n < 0:
			return nil, fmt.Errorf("line %d: %q stands before the first command: begin commands with \"$ \"", line+i, l)
		case continued || isMore && steps[n].Want == nil:
			if !isMore {
				more = l
			}
			steps[n].Command += "\n" + more
			continued = strings.HasSuffix(more, `\`)
		default:
			steps[n].Want = append(steps[n].Want, l)
		}
	}
	if continued {
		return nil, fmt.Errorf("line %d: its command ends with \\ and goes on nowhere", line)
	}
	for i := range steps {
		for w := steps[i].Want; len(w) > 0 && strings.TrimSpace(w[len(w)-1]) == ""; w = steps[i].Want {
			steps[i].Want = w[:len(w)-1] // empty lines between two commands
		}
		steps[i].Background = background(steps[i].Command)
	}
	return steps, nil
}

var remark = regexp.MustCompile(`(?m)\s#[^\n]*$`)

// background tells whether a command ends with &, whatever remark follows.
func background(command string) bool {
	command = strings.TrimSpace(remark.ReplaceAllString(command, ""))
	return strings.HasSuffix(command, "&") && !strings.HasSuffix(command, "&&")
}

// ErrSaid is that a command has said something else.
var ErrSaid = errors.New("it said something else")

// Match compares what a command has said with what stands in the page. Spaces count as one, as tables are as wide as what is in them.
func Match(want []string, got string) error {
	if len(want) == 0 || says(want, got) {
		return nil
	}
	good := len(want) - 1
	for ; good > 0 && !says(append(slices.Clone(want[:good]), "..."), got); good-- {
	}
	return fmt.Errorf("%w, from %q on\n--- the page\n%s\n--- the command\n%s", ErrSaid, want[good], strings.Join(want, "\n"), got)
}

// says tells whether a text is what is wanted.
func says(want []string, got string) bool {
	var pattern strings.Builder
	for _, l := range want {
		if l = squeeze(l); l == "..." || l == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		for i, part := range strings.Split(l, "…") {
			if i > 0 {
				pattern.WriteString(".*")
			}
			pattern.WriteString(regexp.QuoteMeta(part))
		}
		pattern.WriteString("\n")
	}
	var said strings.Builder
	for l := range strings.SplitSeq(strings.TrimRight(got, " \t\n"), "\n") {
		said.WriteString(squeeze(l) + "\n")
	}
	const other = "\uFFFD" // for bytes that are no text
	return regexp.MustCompile(`\A` + strings.ToValidUTF8(pattern.String(), other) + `\z`).MatchString(strings.ToValidUTF8(said.String(), other))
}

// squeeze makes one space of several, and none of those at the end.
func squeeze(l string) string {
	indented := strings.HasPrefix(l, " ")
	if l = strings.Join(strings.Fields(l), " "); indented && l != "" {
		l = " " + l
	}
	return l
}

var (
	longFlag = regexp.MustCompile(`(?:^|[\s\[])(--[a-z][a-z0-9-]*)`)
	subword  = regexp.MustCompile(`^[a-z][a-z-]*$`)
	// What may stand in front of a command, and between two; `kubectl exec POD -- segue` ends with one.
	before    = regexp.MustCompile(`^(sudo|time|exec|env|until|while|if|!|do|[A-Z_]+=.*)$`)
	separator = regexp.MustCompile(`[|;&\n]+| -- `)
)

// Invocations are the uses of segue in a command: the words that may name a subcommand, and the flags.
func Invocations(command string) (uses []Invocation) {
	for _, part := range separator.Split(strings.ReplaceAll(remark.ReplaceAllString(command, ""), "\\\n", " "), -1) {
		words := strings.Fields(part)
		for i, w := range words {
			if before.MatchString(w) {
				continue
			}
			if w != "segue" && !strings.HasSuffix(w, "/segue") {
				break // segue may be what another command is about: helm install segue
			}
			use := Invocation{}
			for _, word := range words[i+1:] {
				if !subword.MatchString(word) || len(use.Words) == 2 {
					break
				}
				use.Words = append(use.Words, word)
			}
			rest := strings.Join(words[i+1:], " ")
			for _, m := range longFlag.FindAllStringSubmatch(rest, -1) {
				use.Flags = append(use.Flags, m[1])
			}
			uses = append(uses, use)
			break
		}
	}
	return uses
}

// Invocation is a use of segue.
type Invocation struct {
	Words []string // behind its name, at most two
	Flags []string // with --
}
