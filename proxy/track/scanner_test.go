package track

import (
	"strings"
	"testing"
)

// unread are the effects that are no transaction's.
const unread = holds | asksID | counts | inserts

func scan(text string, size int) effect {
	var s scanner
	if size == 0 {
		s.feed([]byte(text))
		return s.finish() &^ unread
	}
	for len(text) > 0 {
		n := min(size, len(text))
		s.feed([]byte(text[:n]))
		text = text[n:]
	}
	return s.finish() &^ unread
}

const (
	began = begins | opened
	ended = ends
)

var statements = []struct {
	text string
	want effect
}{
	{"", 0},
	{"   ", 0},
	{"SELECT 1", 0},
	{"select 1;", 0},
	{"BEGIN", began},
	{"begin;", began},
	{"  Begin WORK", began},
	{"BEGIN WITH LABEL x", began},
	{"START TRANSACTION", began},
	{"START TRANSACTION READ ONLY", began},
	{"start\n\ttransaction", began},
	{"START SLAVE", 0},
	{"COMMIT", ended},
	{"COMMIT WORK", ended},
	{"COMMIT AND CHAIN", began},
	{"COMMIT WORK AND CHAIN", began},
	{"COMMIT AND NO CHAIN", ended},
	{"COMMIT WORK AND NO CHAIN RELEASE", ended},
	{"ROLLBACK", ended | rollsUp},
	{"ROLLBACK WORK", ended | rollsUp},
	{"ROLLBACK TO SAVEPOINT a", 0},
	{"ROLLBACK WORK TO a", 0},
	{"ROLLBACK AND CHAIN", began},
	{"XA START 'x'", began},
	{"XA COMMIT 'x'", ended},
	{"XA END 'x'", 0},
	{"SAVEPOINT a", 0},
	{"/* x */ BEGIN", began},
	{"/*BEGIN*/ SELECT 1", 0},
	{"/**/BEGIN", began},
	{"/*/BEGIN*/", 0},
	{"/***/ BEGIN", began},
	{"/*! BEGIN */", began},
	{"/*+ SET_VAR(a=1) */ BEGIN", began},
	{"-- BEGIN\nSELECT 1", 0},
	{"-- x\nBEGIN", began},
	{"--x\nBEGIN", began},
	{"# x\nBEGIN", began},
	{"(BEGIN)", began}, // no server takes it; to pin is the safe side
	{"SELECT 'BEGIN'", 0},
	{"SELECT ';BEGIN'", 0},
	{"SELECT ';BEGIN", 0},
	{"SELECT \";\"; BEGIN", began | several},
	{"SELECT `;`; BEGIN", began | several},
	{"SELECT `;BEGIN`", 0},
	{`SELECT '\';BEGIN'`, 0},
	{`SELECT '\\';BEGIN`, began | several},
	{"SELECT '''; BEGIN'", 0},
	{"SELECT ''; BEGIN", began | several},
	{"BEGIN; INSERT INTO t VALUES (1); COMMIT", ended | opened | several},
	{"COMMIT; BEGIN", began | several},
	{"BEGIN;;", began},
	{";BEGIN", began},
	{"SELECT 1; -- BEGIN", 0},
	{"SELECT 1; /* a */ COMMIT", ended | several},
	{"SELECT 1--1;BEGIN", 0}, // StarRocks: a comment
	{"SELECT begin FROM t", 0},
	{"SELECT 1 AS `a`, begin", 0},
	{"BEGINNING", 0},
	{"BEGIN_", 0},
	{"TRANSACTIONSTRANSACTIONS", 0},
	{"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", loads},
	{"load xml local infile 'x' into table t", loads},
	{"SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE t", loads | several},
	{"SET @a = 1", 0},
	{"set statement max_statement_time=1 for load data local infile 'x'", loads},
	{"SET STATEMENT x=1 FOR SELECT 1", loads}, // MariaDB alone: words count for nothing else there
	{"EXECUTE s", loads},
	{"EXPLAIN SELECT 1", 0},
	{"SEE", 0},
	{"SHOW TABLES", 0},
	{"SET @a = ';'; BEGIN", began | several},
	{"UNLOAD", 0},
	{"\xe4\xbd\xa0 BEGIN", 0},
	{"SELECT 1;\n", 0},
}

func TestScannerTellsTransactions(t *testing.T) {
	for _, c := range statements {
		if got := scan(c.text, 0); got != c.want {
			t.Errorf("%q: %b, want %b", c.text, got, c.want)
		}
	}
}

func TestScannerTellsTheSameHoweverTheTextIsCut(t *testing.T) {
	for _, c := range statements {
		want := scan(c.text, len(c.text)+1)
		for size := 1; size <= len(c.text); size++ {
			if got := scan(c.text, size); got != want {
				t.Errorf("%q in pieces of %d: %b, want %b", c.text, size, got, want)
			}
		}
	}
}

// The version of an executable comment is not a word of its statement.
func TestScannerReadsVersionedComments(t *testing.T) {
	for text, want := range map[string]effect{
		"/*!40101 BEGIN */":            began,
		"/*!40101 SET a=1 */":          0,
		"/*M!100100 BEGIN */":          began,
		"/*! BEGIN */; SELECT 1":       began | several,
		"SELECT /*! 1; BEGIN */":       began | several,
		"SELECT 1 /*! ; */ ; BEGIN":    began | several,
		"/*!50003 COMMIT*/ /* BEGIN*/": ended,
	} {
		if got := scan(text, 0); got != want {
			t.Errorf("%q: %b, want %b", text, got, want)
		}
	}
}

func TestOrdinaryTellsWhatTheScannerWould(t *testing.T) {
	for _, c := range statements {
		if _, ok := ordinary([]byte(c.text)); ok && scan(c.text, 1) != 0 {
			t.Errorf("%q is said to be ordinary", c.text)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, c := range statements {
		f.Add(c.text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		whole := scan(text, 0)
		if cut := scan(text, int(size)%7+1); cut != whole {
			t.Fatalf("%q: whole %b, cut %b", text, whole, cut)
		}
		if !strings.ContainsAny(strings.ToUpper(text), "BSCRLEX") && whole != 0 && whole != several {
			t.Fatalf("%q: %b without a word that matters", text, whole)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	for name, text := range map[string]string{
		"point":  "SELECT c FROM sbtest1 WHERE id=5012",
		"begin":  "BEGIN",
		"insert": "INSERT INTO t VALUES " + strings.Repeat("(1,'abcdefgh'),", 100) + "(1,'x')",
		"two":    "SET @a = 1; SELECT 'abc', `d` FROM t",
	} {
		b.Run(name, func(b *testing.B) {
			t := []byte(text)
			b.ReportAllocs()
			b.SetBytes(int64(len(t)))
			var s scanner
			for b.Loop() {
				s.feed(t)
				s.finish()
			}
		})
	}
}
