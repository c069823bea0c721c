package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// nasty is what a hostile server may say.
const nasty = "down\x1b[2J\u009b1m\nfe-9  10.0.0.9:9030  up\u202e\u2028\U000e0041\x7f"

// Whoever answers where the admin API is asked for, no terminal obeys it, and no row is forged.
func TestOutputIsClean(t *testing.T) {
	var table bytes.Buffer
	if err := printTable(&table, []string{"NAME", "CAUSE"}, [][]string{{"fe-1", nasty}}); err != nil {
		t.Fatal(err)
	}
	if got := table.String(); strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\u009b\u202e\u2028\U000e0041\x7f") {
		t.Errorf("%q", got)
	}
	var text bytes.Buffer
	if err := printJSON(&text, map[string]string{"cause": nasty}); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); strings.ContainsAny(got, "\x1b\u009b\u202e\u2028\U000e0041\x7f") {
		t.Errorf("%q", got)
	}
	var back map[string]string
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || back["cause"] != nasty {
		t.Errorf("%v, %q", err, back)
	}
}
