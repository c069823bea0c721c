package client

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"segue/backend/wire"
	"segue/backend/wire/wiretest"
)

// FuzzLogin: whatever a server says, a login ends once, within bounds, and gives its secret to nobody.
func FuzzLogin(f *testing.F) {
	f.Add([]byte{1, 4}, []byte{1, 3}, []byte("\xfecaching_sha2_password\x00salt"))
	f.Add([]byte{0xfe}, []byte{0xfe, 0}, []byte{1})
	f.Add(switchToNative, okPacket, []byte{0xff, 0x15, 4})
	for _, plugin := range []string{wire.PluginSHA256Password, wire.PluginClearPassword, wire.PluginTiDBSM3Password, wire.PluginEd25519, wire.PluginParsec, wire.PluginOpenIDConnect} {
		for _, end := range [][]byte{fullAuth, {1, 4, 0}, {1}} { // plain, TLS, a UNIX socket
			f.Add(wire.NewAuthSwitchRequest(plugin, bytes.Repeat([]byte("s"), 32)).Append(nil), fullAuth, end)
		}
	}
	for _, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Verdict, wiretest.Question) {
		f.Add(s.Payload(), switchToNative, okPacket)
		f.Add([]byte{1, 4}, s.Payload(), s.Payload())
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		for _, cred := range []*Credential{Password("correct horse"), Native([20]byte{1}), Password(""), Token([]byte("correct horse")), Bearer([]byte("correct horse")), Service("s", "correct horse", "u")} {
			l := NewLogin(cred, greeting(wire.PluginCachingSHA2Password), aUser)
			over := Continues
			switch l.First(nil, 0); len(c) % 3 { // by what comes now nobody on the way can read along; secrets are for the server
			case 1:
				l.Secured(nil)
			case 2:
				l.over = UnixSocket
			}
			ends, told := 0, cred.Kind() == CredentialToken || l.over.Safe()
			for i := range 4 * maxLoginMessages {
				out, outcome := l.Answer(nil, [][]byte{a, b, c}[i%3], uint8(i))
				if over != Continues && (outcome != over || len(out) > 0) {
					t.Fatalf("%s, and then %s, %q", over, outcome, out)
				}
				if over == Continues && outcome != Continues {
					ends++
				}
				over = outcome
				if bytes.Contains(out, []byte("correct")) && !told || l.Err() != nil && strings.Contains(l.Err().Error(), "correct horse") {
					t.Fatalf("%s gives its secret: %q, %v", cred, out, l.Err())
				}
				if len(out) > 0 {
					unframed(t, out)
				}
			}
			if ends != 1 {
				t.Fatalf("it ends %d times", ends)
			}
			var farewell Farewell
			for i := range 2 * maxLoginMessages {
				out, over := farewell.Hear(nil, [][]byte{a, b, c}[i%3], uint8(i))
				if len(out) > 0 {
					unframed(t, out)
				}
				if over {
					break
				}
				if i > maxLoginMessages {
					t.Fatal("a farewell without end")
				}
			}
		}
	})
}

// FuzzScript: whatever comes, what becomes of it does not depend on its splits, what is held is bounded, and nothing is done twice.
func FuzzScript(f *testing.F) {
	f.Add(append(answer([]byte{1}, definition("a"), eofPacket, values(Value("1"), nil), eofPacket), answer(okPacket)...), []byte{3, 40}, uint32(serverCaps), uint32(0), false)
	f.Add(append(answer([]byte{1}, definition("a"), values(Value("1")), okAsEOF), answer(errPacket(1064, "no"))...), []byte{0}, uint32(deprecate), uint32(0), true)
	f.Add(answer((&wire.StmtPrepareOK{StatementID: 7, NumParams: 1}).Append(nil), definition("?")), []byte{200}, uint32(deprecate), ^uint32(0), true)
	f.Add(wire.AppendHeader(nil, wire.MaxPayload, 1), []byte{1}, uint32(0), uint32(0), false)
	for _, s := range wiretest.Hostile(f, wiretest.Server, wiretest.Answer) {
		f.Add(s.Append(nil, 1), []byte{9}, uint32(serverCaps), uint32(0), false)
		f.Add(s.Append(nil, 1), []byte{9}, uint32(deprecate), ^uint32(0), true)
	}
	f.Fuzz(func(t *testing.T, stream, splits []byte, caps, ext uint32, oneByOne bool) {
		type result struct {
			consumed, rows, outstanding int
			done                        bool
			err                         string
		}
		run := func(size func(i int) int) (r result) {
			table := &Table{Ext: ext}
			var stmt Prepared
			takes := 0
			commands := []Command{
				query("SELECT 1", table),
				{Command: wire.ComStmtPrepare, Text: "x", Take: stmt.Take},
				{Command: wire.ComQuery, Text: "SYNC", Lenient: true},
				{Command: wire.ComStatistics, Take: func(part Part, _ []byte) error {
					if takes++; takes > 1 || part != Last {
						t.Fatalf("a text in %d parts: %d", takes, part)
					}
					return nil
				}},
				{Command: wire.ComInitDB, Text: "d"},
			}
			s := NewScript(Terms{Capabilities: wire.Capability(caps), ExtCapabilities: ext, OneByOne: oneByOne}, commands...)
			rest := stream
			s.Send(nil)
			for i := 0; len(rest) > 0; i++ {
				was := s.Done() || s.Err() != nil
				n, err := s.Feed(rest[:min(size(i), len(rest))])
				if !errors.Is(err, s.Err()) || was && n > 0 || n < 0 {
					t.Fatalf("%d, %v, %v", n, err, s.Err())
				}
				if len(s.packet) > MaxAnswer+wire.HeaderLen {
					t.Fatalf("%d bytes are held", len(s.packet))
				}
				rest = rest[n:]
				if s.Send(nil); n == 0 {
					break
				}
			}
			r = result{len(stream) - len(rest), len(table.Rows), s.Outstanding(), s.Done(), ""}
			if s.Err() != nil {
				r.err = s.Err().Error()
			}
			return r
		}
		whole := run(func(int) int { return len(stream) })
		split := run(func(i int) int {
			if len(splits) == 0 {
				return 1
			}
			return 1 + int(splits[i%len(splits)])
		})
		// A packet that is too long is given up at its header, of which more or less has been consumed then.
		if whole.err == "" && whole != split || whole.err != split.err || whole.rows != split.rows || whole.outstanding != split.outstanding {
			t.Fatalf("at once %+v, in splits %+v", whole, split)
		}
	})
}
