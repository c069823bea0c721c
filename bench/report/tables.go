package report

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"segue/bench/measure"
	"segue/bench/typeset"
)

// sideBySide sets rows as a table.
func sideBySide(title, note string, head []cell, rows []row) grid {
	g := grid{Title: title, Note: note, Head: head}
	for _, r := range rows {
		l := line{Label: r.label, Part: r.part}
		for _, v := range r.values {
			class := ""
			if v.bad {
				class = "bad"
			}
			l.Cells = append(l.Cells, cell{v.text, class})
		}
		if len(r.values) == 1 {
			l.Cells = append(l.Cells, cell{r.values[0].note, "note"})
		}
		g.Lines = append(g.Lines, l)
	}
	return g
}

// marksOf is the table of a run's marks, if it has any.
func marksOf(r *measure.Result) []grid {
	if len(r.Marks) == 0 {
		return nil
	}
	g := grid{Title: "Marks", Head: []cell{{}, {"at", ""}, {"what happened", "words"}, {"said by", "note"}}}
	for i, m := range r.Marks {
		g.Lines = append(g.Lines, line{Label: fmt.Sprint(i + 1), Cells: []cell{
			{fmt.Sprintf("%.2f s", m.At.Duration().Seconds()), ""}, {m.Text, "words"}, {m.Source, "note"},
		}})
	}
	return []grid{g}
}

func classGrid(r *measure.Result) grid {
	g := grid{
		Title: "By class of clients",
		Note:  "Response times count from when an arrival was due, service times from when it was sent. Of slow statements and transactions the time they asked to wait is taken off. A stall in brackets is for the most part the client's own pace, and does not count as the longest of all.",
		Head:  heads("", "clients", "answers", "errors", "sessions lost", "state lost", "stall", "median", "p90", "p99", "p99.9", "longest", "service p99"),
	}
	for _, c := range r.Classes {
		l := line{Label: c.Class, Cells: []cell{{typeset.Count(c.Clients), ""}, {typeset.Count(c.Answers), ""}}}
		for _, n := range []int{c.Errors, c.SessionsLost, c.StateLost} {
			class := ""
			if n > 0 {
				class = "bad"
			}
			l.Cells = append(l.Cells, cell{typeset.Count(n), class})
		}
		stall := typeset.Latency(c.Stall.Duration())
		if c.Stall > r.Felt.Stall {
			stall = "(" + stall + ")"
		}
		l.Cells = append(l.Cells, cell{stall, ""})
		for _, d := range []measure.Millis{c.Response.P50, c.Response.P90, c.Response.P99, c.Response.P999, c.Response.Max, c.Service.P99} {
			text := typeset.Latency(d.Duration())
			if c.Answers == 0 {
				text = none.text
			}
			l.Cells = append(l.Cells, cell{text, ""})
		}
		g.Lines = append(g.Lines, l)
	}
	return g
}

func faultGrid(r *measure.Result) grid {
	g := grid{
		Title: "Errors, by what the client was doing",
		Note:  "With the first of each kind as the driver gives it to the application. Sent: whether the server may have seen the statement.",
		Head:  append(heads("", "count", "while", "what came", "sent", "first", "last"), cell{"in the driver's words", "words"}),
	}
	for _, f := range r.Faults {
		what := f.What
		if f.Number != 0 {
			what += fmt.Sprintf(" %d", f.Number)
		}
		g.Lines = append(g.Lines, line{Label: f.Class, Cells: []cell{
			{typeset.Count(f.Count), ""}, {f.Doing, ""}, {what, ""}, {f.Sent, ""}, {typeset.Seconds(f.First.Duration()), ""}, {typeset.Seconds(f.Last.Duration()), ""}, {f.Sample, "words"},
		}})
	}
	return g
}

// factsOf says how a run was made.
func factsOf(r *measure.Result, named bool) runFacts {
	out := runFacts{Title: "How this was made", Command: commandLine(r.Command)}
	if named {
		out.Title += ": " + r.Name
	}
	add := func(name, text string) { out.Facts = append(out.Facts, [2]string{name, text}) }
	add("tool", r.Tool)
	add("endpoint", r.Endpoint+", spoken to as "+string(r.Flavor))
	add("server", r.Server)
	add("machine of the bench", r.Machine)
	add("begun", r.Started.Format(time.RFC3339))
	l := &r.Load
	writes := "INSERTs under ids of their own"
	if !l.Writes {
		writes = "nothing was written"
	}
	add("load", fmt.Sprintf("%.1f arrivals per second by timetables of seed %d; transactions held for %v, slow statements of %v, idle connections used every %v; %s",
		l.Offered, l.Seed, l.TxnHold.Duration(), l.SlowFor.Duration(), l.IdleFor.Duration(), writes))
	if l.Stream != nil {
		add("Stream Loads", l.Stream.String())
	}
	add("a client gives up after", l.Timeout.Duration().String())
	add("longest stall of this machine", typeset.Latency(r.MachineStall.Duration())+"; response times include what the bench itself had to wait")
	for _, n := range r.Notes {
		add("note", n)
	}
	return out
}

// commandLine quotes what a shell would read otherwise.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`()&|;<>*?[]{}!#~") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// method is the rule for counting, in the reader's words.
func method() []string {
	return []string{
		"Nothing is retried: each attempt to connect and each statement that does not end in its own, complete answer is one error, whatever stands between client and server.",
		"Arrivals are open: a client wants its next answer when its timetable says so, not when the last one came. An arrival that has to wait for the one before it waits from when it was due, so a stall shows in the response times of all that were due in it (coordinated omission is accounted for).",
		"Long-lived clients hold one session with a user variable, a session variable, a database and a prepared statement, and each answer shows them again. A session that is there but shows others has lost its state.",
		"Transactions, writers, slow statements and idle pools take their connection as from a pool, which checks it just before use, as go-sql-driver/mysql does for database/sql. Found dead it is replaced: a session lost, but no error, because no application sees it.",
		"A stall is how long one client went without a right answer, from when it first wanted one, its failed attempts included. Silence is how long nobody got an answer.",
		"Each row written has an id of its own. Afterwards the tables are read: what was acknowledged must be there once, what was not answered at most once, what was not committed not at all, and of a transaction all or nothing.",
		"A Stream Load asks with Expect: 100-continue, follows a redirect itself and sends its body to where that points, over connections of its own. Each attempt that fails is an error, whether or not it is sent again. Afterwards each row is looked for by its id: of what was acknowledged it must be there once, of what failed not at all, of what nobody told at most once, and of a load all or nothing.",
		"Percentiles are of a histogram with a precision of 0.8 %.",
	}
}
