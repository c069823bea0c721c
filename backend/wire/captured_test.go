package wire

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// captured returns the payloads in testdata/name with the comments in front of them.
func captured(tb testing.TB, name string) map[string][]byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	payloads := make(map[string][]byte)
	comment := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "# "); ok {
			comment = text
		} else if line != "" {
			payloads[comment] = fromHex(line)
		}
	}
	return payloads
}

// A response that is passed on with its capabilities unchanged is passed on byte by byte, whatever the client.
func TestHandshakeResponse41_RealClients(t *testing.T) {
	payloads := captured(t, "handshake_response_41.txt")
	if len(payloads) < 24 {
		t.Errorf("%d captures", len(payloads))
	}
	for name, payload := range payloads {
		var m HandshakeResponse41
		if err := m.Decode(payload); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		db := "test"
		if strings.Contains(name, ", no ") {
			db = ""
		}
		if m.Username != "app" || m.Database != db || len(m.Trailer) > 0 {
			t.Errorf("%s: %+v", name, m)
		}
		if out := m.Append(nil); !bytes.Equal(out, payload) {
			t.Errorf("%s: appended\n%x, decoded from\n%x", name, out, payload)
		}
	}
}
