package head

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func fuzzRequest(t *testing.T, b []byte, cut int) {
	n, err := End(b, 0)
	if n < 0 || n > len(b) || n > MaxSize || n > 0 && (err != nil || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n"))) {
		t.Fatalf("%d, %v of %d bytes", n, err, len(b))
	}
	part := min(max(cut, 0), len(b))
	early, earlyErr := End(b[:part], 0)
	if early != 0 && early != n || earlyErr != nil && err == nil {
		t.Fatalf("of %d bytes %d, %v; of all %d, %v", part, early, earlyErr, n, err)
	}
	if early == 0 && earlyErr == nil {
		if late, lateErr := End(b, part); late != n || (lateErr == nil) != (err == nil) {
			t.Fatalf("after %d bytes %d, %v; at once %d, %v", part, late, lateErr, n, err)
		}
	}
	if n == 0 {
		return
	}
	r, err := ParseRequest(b[:n])
	if err != nil {
		return
	}
	if strings.ContainsAny(string(r.Fields.Append(nil)), "\x00") || bytes.Count(r.Fields.Append(nil), []byte("\n")) != len(r.Fields) {
		t.Fatalf("fields are no lines: %q", r.Fields.Append(nil))
	}
	theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return // it is stricter about targets and hosts
	}
	chunked := len(theirs.TransferEncoding) == 1 && theirs.TransferEncoding[0] == "chunked"
	if r.Method != theirs.Method || r.Target != theirs.RequestURI || r.Body.Chunked != chunked || !chunked && r.Body.Length != max(theirs.ContentLength, 0) {
		t.Fatalf("%+v, and net/http reads %v %v %v %v", r, theirs.Method, theirs.RequestURI, theirs.TransferEncoding, theirs.ContentLength)
	}
}

// How chunks come does not change what is in them, and what is taken for chunks is that for net/http too.
func FuzzChunks(f *testing.F) {
	f.Add("3\r\nabc\r\n0\r\n\r\nrest", 2)
	f.Add("a;x\r\n0123456789\r\n0\r\nA: b\r\n\r\n", 5)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		piece = min(max(piece, 1), 1000)
		data, rest, err := unchunk(text, len(text)+1)
		again, restAgain, errAgain := unchunk(text, piece)
		if (err == nil) != (errAgain == nil) || err == nil && (data != again || rest != restAgain) {
			t.Fatalf("at once %q, %q, %v; by %d %q, %q, %v", data, rest, err, piece, again, restAgain, errAgain)
		}
		if err != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + text)))
		if err != nil {
			t.Fatal(err)
		}
		var theirs bytes.Buffer
		if _, err := theirs.ReadFrom(r.Body); err == nil && theirs.String() != data {
			t.Fatalf("%q, and net/http reads %q", data, theirs.String())
		}
	})
}
