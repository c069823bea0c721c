package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manual makes pages in the language of man(7) of what the commands say of themselves: by hand, as their texts are no Markdown, which cobra's own pages go through.
type manual struct {
	version string
	date    string // of the pages; empty: none
}

// manPage is one page: its file and what stands there.
type manPage struct{ name, text string }

// pages are those of a command and of all below it.
func (m manual) pages(cmd *cobra.Command) []manPage {
	list := []manPage{{pageName(cmd) + ".1", m.page(cmd)}}
	for _, c := range shownCommands(cmd) {
		list = append(list, m.pages(c)...)
	}
	return list
}

// shownCommands are those that a command has, but for the ones that a shell asks for, and the help.
func shownCommands(cmd *cobra.Command) (list []*cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() && c.Name() != "completion" {
			list = append(list, c)
		}
	}
	return list
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func (m manual) page(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 %q %q %q\n", strings.ToUpper(pageName(cmd)), m.date, "segue "+m.version, "Segue")
	b.WriteString(".nh\n.ad l\n") // names of variables and flags stay whole
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", literal(pageName(cmd)), roff(lowerFirst(cmd.Short)))
	usage := cmd.UseLine()
	if len(shownCommands(cmd)) > 0 && !cmd.Runnable() {
		usage = cmd.CommandPath() + " COMMAND [flags]"
	}
	rest := strings.TrimPrefix(usage, cmd.CommandPath())
	fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fR%s\n", literal(cmd.CommandPath()), literal(rest))
	b.WriteString(".SH DESCRIPTION\n" + paragraphs(cmd.Long, cmd.Short))
	if list := shownCommands(cmd); len(list) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, c := range list {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR(1)\n%s\n", literal(pageName(c)), roff(c.Short))
		}
	}
	b.WriteString(manOptions(cmd))
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + strings.TrimPrefix(verbatim(strings.Split(strings.Trim(cmd.Example, "\n"), "\n")), paragraph))
	}
	if cmd.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n\\fB%s\\fR(1)\n", literal(pageName(cmd.Parent())))
		return b.String()
	}
	b.WriteString(".SH FILES\n.TP\n\\fI/etc/segue/segue.yaml\\fR\nThe configuration that is read where none is named.\n")
	b.WriteString(".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nIt did not work, or what was asked about is unhealthy.\n.TP\n2\nWrong usage, or a wrong configuration.\n")
	return b.String()
}

func lowerFirst(text string) string {
	word, _, _ := strings.Cut(text, " ")
	if word == "" || strings.ToUpper(word) == word && len(word) > 1 {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// manOptions are the flags, as the help has them.
func manOptions(cmd *cobra.Command) string {
	var b strings.Builder
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "\\fB" + literal("--"+f.Name) + "\\fR"
		if f.Shorthand != "" {
			name = "\\fB" + literal("-"+f.Shorthand) + "\\fR, " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		switch {
		case kind != "" && f.NoOptDefVal != "":
			name += "[=\\fI" + literal(kind) + "\\fR]"
		case kind != "":
			name += " \\fI" + literal(kind) + "\\fR"
		}
		if d := f.DefValue; d != "" && d != "0" && d != "false" && d != "[]" && !strings.Contains(usage, "default") {
			usage += " (default " + d + ")"
		}
		fmt.Fprintf(&b, ".TP\n%s\n%s\n", name, roff(strings.ReplaceAll(usage, "\n", " ")))
	})
	if b.Len() == 0 {
		return ""
	}
	return ".SH OPTIONS\n" + b.String()
}

// paragraph begins one; a section has begun one by itself.
const paragraph = ".PP\n"

// paragraphs are those of a text: between empty lines, and what is indented as it stands.
func paragraphs(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		text = otherwise + "."
	}
	var b strings.Builder
	var block []string
	inside := false // of what is indented
	end := func() {
		switch {
		case len(block) == 0:
		case inside:
			b.WriteString(verbatim(block))
		default:
			b.WriteString(paragraph + roff(strings.Join(block, " ")) + "\n")
		}
		block = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		indented := strings.HasPrefix(line, "  ")
		if line == "" || indented != inside {
			end()
			inside = indented
		}
		if line != "" {
			block = append(block, line)
		}
	}
	end()
	return strings.TrimPrefix(b.String(), paragraph)
}

// verbatim is lines as they stand.
func verbatim(lines []string) string {
	var b strings.Builder
	b.WriteString(paragraph + ".nf\n.RS 2\n")
	for _, line := range lines {
		b.WriteString(guarded(literal(strings.TrimPrefix(line, "  "))) + "\n")
	}
	b.WriteString(".RE\n.fi\n")
	return b.String()
}

// quoted is what stands in backquotes: what is typed.
var quoted = regexp.MustCompile("`([^`]*)`")

// flagWord is a flag in a sentence.
var flagWord = regexp.MustCompile(`(^|[ (,])(--?[a-z][a-z-]*)`)

// roff is a sentence: what is typed in bold, and nothing taken for a request.
func roff(text string) string {
	text = strings.ReplaceAll(text, `\`, `\e`)
	text = quoted.ReplaceAllStringFunc(text, func(s string) string { return `\fB` + strings.ReplaceAll(strings.Trim(s, "`"), "-", `\-`) + `\fR` })
	text = flagWord.ReplaceAllStringFunc(text, func(s string) string { return strings.ReplaceAll(s, "-", `\-`) })
	return guarded(strings.ReplaceAll(text, "'", `\(aq`))
}

// literal is a text of which every letter is typed as it stands.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

// guarded has a line that begins like a request be none.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
