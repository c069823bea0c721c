package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	maxPayload = 1<<24 - 1 // of one packet; a longer payload goes on in the next
	mebi       = 1 << 20
)

// expected holds the checks that every client answers alike, computed without a database. A client that cannot make
// one of them names it in clients_test.go, with the reason.
func expected() map[string]string {
	return map[string]string{
		"auth.password":         "e2e@%",
		"auth.empty":            "e2e_empty@%",
		"auth.wrong_password":   "1045",
		"auth.unknown_database": "1049",
		"auth.switch":           "e2e_multi@%", // ed25519 asked for first, the native password next
		"auth.ed25519":          "e2e_ed25519@%",
		"rows.10000":            "10000 " + digest(rows10k()),
		"rows.20mb":             "200 20480000 " + digest(rows20mb()),
		"rows.edges":            rowsEdges(),
		"packet.edges":          packetEdges(),
		"packet.17mb":           fmt.Sprintf("%d %s", 17*mebi, digest(strings.Repeat("0123456789abcdef", 17*mebi/16))),
		"columns.1000":          "1000 500500",
		"longdata":              fmt.Sprintf("%d %s", 3*mebi, digest(strings.Repeat("long data chunk.", 3*mebi/16))),
		"load.local":            "5000 12502500 0 17 17825792",
		"error.syntax":          "1064 then 1",
		"error.unknown_table":   "1146 then 1",
		"error.duplicate":       "1062 then 1",
		"error.signal":          "30001 45001 signalled: é then 1",
		"error.prepare":         "1146 then 1",
		"result.too_big":        "NULL then 1", // with one warning
		"packet.too_big":        "error then 1",
		"insert_id":             "1000 3",
		"tx":                    "1 1 1", // rows after commit, rollback, rollback with autocommit off
		"warnings":              "1365",
		"use":                   "fixtures_2 fixtures",
	}
}

// rowsEdges: lengths of a single-column row around which the length's own encoding, or the number of packets, changes.
// A row of 16,777,211 bytes fills one packet exactly (4 bytes of length before it), so an empty packet follows it; from
// 1<<24 bytes on the row begins with 0xFE, which elsewhere begins an EOF.
func rowsEdges() string {
	var parts []string
	for _, n := range []int{250, 251, 65535, 65536, maxPayload - 5, maxPayload - 4, maxPayload - 3, maxPayload, maxPayload + 1} {
		parts = append(parts, fmt.Sprintf("%d=%s", n, digest(strings.Repeat("x", n))[:8]))
	}
	return strings.Join(parts, ",")
}

// packetEdges: CRC32 of a literal in COM_QUERY payloads of exactly these sizes.
func packetEdges() string {
	var parts []string
	for _, size := range []int{maxPayload - 1, maxPayload, maxPayload + 1, 2 * maxPayload} {
		literal := size - len("\x03SELECT CRC32('')")
		text := strings.Repeat("0123456789", literal/10+1)[:literal]
		parts = append(parts, fmt.Sprint(crc32.ChecksumIEEE([]byte(text))))
	}
	return strings.Join(parts, ",")
}

func rows10k() string {
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "%d|row-%d\n", i+1, i+1)
	}
	return b.String()
}

// rows20mb: SELECT seq, REPEAT(SHA2(seq, 256), 1600) FROM seq_1_to_200
func rows20mb() string {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(strings.Repeat(digest(fmt.Sprint(i+1)), 1600))
	}
	return b.String()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// writeLoadFiles writes the files for LOAD DATA LOCAL INFILE; missing.csv is not among them.
func writeLoadFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var rows strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&rows, "%d,name-%d\n", i+1, i+1)
	}
	var big strings.Builder
	for i := range 17 {
		fmt.Fprintf(&big, "%d,%s\n", i+1, strings.Repeat("b", mebi))
	}
	for name, text := range map[string]string{"rows.csv": rows.String(), "empty.csv": "", "big.csv": big.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatalf("write load file: %v", err)
		}
	}
	return dir
}
