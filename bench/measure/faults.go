package measure

import (
	"cmp"
	"slices"

	"segue/bench"
)

// FaultRow is one kind of error: who was doing what, and what came of it.
type FaultRow struct {
	Class  string `json:"class"`
	Doing  string `json:"doing"`
	What   string `json:"what"`
	Number uint16 `json:"number,omitempty"` // of an ERR packet
	Sent   string `json:"sent"`             // whether a statement was sent: yes, no, or - where there was none
	Count  int    `json:"count"`
	First  Millis `json:"first_ms"`
	Last   Millis `json:"last_ms"`
	Sample string `json:"sample"` // the first one's text, as the driver gives it to the application
}

// faultRows are the faults, the most frequent first.
func faultRows(faults map[fault]*faultCount) []FaultRow {
	rows := []FaultRow{}
	for f, n := range faults {
		rows = append(rows, FaultRow{
			Class: f.class.String(), Doing: f.doing.String(), What: f.what(), Number: f.number, Sent: f.sent(),
			Count: n.count, First: Millis(n.first), Last: Millis(n.last), Sample: n.sample,
		})
	}
	slices.SortFunc(rows, func(a, b FaultRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Doing, b.Doing),
			cmp.Compare(a.What, b.What), cmp.Compare(a.Number, b.Number))
	})
	return rows
}

// what says how it ended, without what the client was doing.
func (f fault) what() string {
	if f.said != "" {
		return f.said
	}
	switch f.kind {
	case bench.ConnectRefused:
		return "refused"
	case bench.ConnectReset:
		return "reset"
	case bench.ConnectEOF:
		return "closed before login (EOF)"
	case bench.ConnectTimeout, bench.StatementTimeout:
		return "timed out"
	case bench.ConnectERR, bench.StatementERR:
		return "ERR"
	case bench.StatementUnsent, bench.StatementCut:
		return "connection lost"
	case bench.WrongAnswer:
		if f.lost {
			return "state of the session lost"
		}
		return "wrong answer"
	case bench.Answered, bench.Other:
	}
	return "other"
}

// sent says whether the server may have seen the statement.
func (f fault) sent() string {
	switch {
	case f.doing == Connecting, f.doing == ReachingFrontend, f.doing == ReachingNode:
		return "-"
	case f.doing.part() == LoadPart:
		if f.unsent {
			return "no"
		}
	case f.kind == bench.StatementUnsent:
		return "no"
	}
	return "yes"
}
