package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// However much strangers do, they have no more than so many lines written, what is left out is said, and nothing else is lost for it.
func TestLogIsSparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out text
		log := newLog(&out, slog.LevelDebug, false)
		for i := range 3000 {
			log.Warn("a stranger", "cause", fmt.Sprint(i))
		}
		if n := strings.Count(out.String(), "\n"); n != burst {
			t.Errorf("%d lines", n)
		}
		log.Warn("somebody else")
		log.Info("backend health changed", "backend", "fe-1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, want := range []string{`"somebody else"`, `"fe-1"`, `"like":"a stranger","lines":2900`} {
			if strings.Count(out.String(), want) != 1 {
				t.Errorf("%s is not there, once", want)
			}
		}
		for range 100 { // ten seconds of ten times as many lines as there may be
			for range 10 {
				log.Warn("a stranger")
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := strings.Count(out.String(), `"msg":"a stranger"`); n < 150 || n > burst+12*perSecond+perSecond*2 {
			t.Errorf("%d lines", n)
		}
		if n := strings.Count(out.String(), "too many of them"); n < 8 || n > 14 {
			t.Errorf("said %d times", n)
		}
		before := strings.Count(out.String(), "\n")
		for range 500 {
			log.Debug("asked for")
		}
		if n := strings.Count(out.String(), "\n") - before; n != 500 {
			t.Errorf("%d lines of level debug", n)
		}
		for i := range 3 * mostKinds { // kinds without an end
			log.Info(fmt.Sprint("kind ", i))
		}
		if n := strings.Count(out.String(), `"msg":"kind `); n > mostKinds+burst {
			t.Errorf("%d lines of kinds", n)
		}
		time.Sleep(2 * time.Second)
	})
}

// What a stranger said stays in its line and commands no terminal.
func TestLogIsClean(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var out bytes.Buffer
		newLog(&out, slog.LevelInfo, terminal).Warn("said", "cause", errors.New("a\x1b[2J\u009b\u202eb\n{\"msg\":\"forged\"}\u2028c"), "user", "x\ry\x7f", "took", time.Second)
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(line, "\x1b\u009b\u202e\n\r\x7f\u2028") || strings.Contains(line, `\u001b`) || strings.Contains(line, `\x1b`) {
			t.Errorf("%q", line)
		}
		if !terminal && !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
