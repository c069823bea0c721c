package load_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"segue/proxy/load"
)

var _ load.Cluster = (*cluster)(nil)

// raw sends bytes by a connection of its own, and returns all that comes.
func (r *rig) raw(t *testing.T, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wait))
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.TCPConn).CloseWrite()
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q: %v, after %q", text, err, b)
	}
	return string(b)
}

// What FEs could read otherwise than Segue does is refused, and reaches none of them: nothing of it, nor of what follows it, is loaded.
func TestSmuggling(t *testing.T) {
	r := start(t, 1, options)
	put := "PUT /api/fesim/loads_evil/_stream_load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nformat: csv\r\n"
	const sized, chunks = "Content-Length: 4\r\n\r\n1,2\n", "Transfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"both lengths":             {put + "Content-Length: 4\r\n" + chunks + "4\r\n1,2\n\r\n0\r\n\r\n", 400},
		"two lengths":              {put + "Content-Length: 4\r\n" + sized, 400},
		"a list of lengths":        {put + "Content-Length: 4, 4\r\n\r\n1,2\n", 400},
		"a signed length":          {put + "Content-Length: +4\r\n\r\n1,2\n", 400},
		"two encodings":            {put + "Transfer-Encoding: chunked\r\n" + chunks + "4\r\n1,2\n\r\n0\r\n\r\n", 400},
		"another encoding":         {put + "Transfer-Encoding: gzip, chunked\r\n\r\n4\r\n1,2\n\r\n0\r\n\r\n", 501},
		"a disguised encoding":     {put + "Transfer-Encoding: \x0bchunked\r\n\r\n4\r\n1,2\n\r\n0\r\n\r\n", 400},
		"an encoding in 1.0":       {strings.Replace(put, "HTTP/1.1", "HTTP/1.0", 1) + chunks + "4\r\n1,2\n\r\n0\r\n\r\n", 400},
		"space before a colon":     {put + "Content-Length : 4\r\n\r\n1,2\n", 400},
		"a folded line":            {put + "label: a\r\n b\r\n" + sized, 400},
		"a bare LF":                {put + "label: a\n" + sized, 400},
		"a bare CR":                {put + "label: a\rb\r\n" + sized, 400},
		"a NUL":                    {put + "label: a\x00b\r\n" + sized, 400},
		"no name":                  {put + ": x\r\n" + sized, 400},
		"no host":                  {strings.Replace(put, "Host: x\r\n", "", 1) + sized, 400},
		"two hosts":                {put + "Host: y\r\n" + sized, 400},
		"absolute form":            {strings.Replace(put, "PUT /", "PUT http://y/", 1) + sized, 400},
		"two slashes":              {strings.Replace(put, "PUT /", "PUT //", 1) + sized, 400},
		"connect":                  {"CONNECT y:1 HTTP/1.1\r\nHost: y:1\r\n\r\n", 501},
		"many fields":              {put + strings.Repeat("x: y\r\n", 300) + sized, 431},
		"many words":               {put + "Connection: a" + strings.Repeat(",a", 40) + "\r\n" + sized, 400},
		"another version":          {strings.Replace(put, "HTTP/1.1", "HTTP/2.0", 1) + sized, 505},
		"HTTP/2's preface":         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"TLS":                      {"\x16\x03\x01\x01\x05hello\r\n\r\n", 400},
		"another expectation":      {put + "Expect: 200-ok\r\n" + sized, 417},
		"a long line":              {put + "x: " + strings.Repeat("x", 70_000) + "\r\n\r\n", 431},
		"a long head":              {put + strings.Repeat("x: "+strings.Repeat("x", 1000)+"\r\n", 100), 431},
		"dots":                     {"GET /api/../x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"two labels":               {put + "label: a\r\nlabel: b\r\n" + sized, 400},
		"no size of a chunk":       {put + chunks + "\r\n1,2\n\r\n0\r\n\r\n", 400},
		"a chunk that is too long": {put + chunks + "3\r\n1,2\n\r\n0\r\n\r\n", 400},
		"a bare LF in a chunk":     {put + chunks + "4\n1,2\n\r\n0\r\n\r\n", 400},
		"a huge chunk":             {put + chunks + "ffffffffffffffffff\r\n1,2\n\r\n0\r\n\r\n", 400},
	} {
		got := r.raw(t, c.text+put+"Content-Length: 4\r\n\r\n7,7\n")
		if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.want)) || strings.Count(got, "HTTP/1.1 ") != 1 || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := r.sim.Loaded("fesim", "loads_evil"); got.Rows != 0 {
		t.Errorf("%d rows were loaded", got.Rows)
	}
	if loads := r.Loads(); len(loads) != 0 {
		t.Errorf("in flight: %v", loads)
	}
	if text := r.log.String(); strings.Contains(text, "cm9vdDo") || strings.Contains(text, "evil") {
		t.Errorf("the log has secrets or requests:\n%s", text)
	}
}

// Requests that come one behind the other, without waiting for answers, are answered in their order; HTTP/1.0 with and without keep-alive, too.
func TestPipelining(t *testing.T) {
	r := start(t, 2, options)
	const head = "PUT /api/fesim/loads_%d/_stream_load HTTP/1.%d\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nformat: csv\r\ncolumn_separator: ,\r\nlabel: l%[1]d\r\n%[3]s"
	var all strings.Builder
	fmt.Fprintf(&all, head+"4\r\n1,2\n\r\n0\r\n\r\n", 0, 1, "Transfer-Encoding: chunked\r\n\r\n")
	fmt.Fprintf(&all, head+"1,2\n", 1, 1, "Content-Length: 4\r\n\r\n")
	fmt.Fprintf(&all, "\r\n"+head+"1,2\n", 2, 0, "Connection: keep-alive\r\nContent-Length: 4\r\n\r\n")
	fmt.Fprintf(&all, "GET /api/fesim/get_load_state?label=l1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\n\r\n")
	fmt.Fprintf(&all, head+"1,2\n", 3, 0, "Content-Length: 4\r\n\r\n")
	fmt.Fprintf(&all, head+"1,2\n", 4, 1, "Content-Length: 4\r\n\r\n") // behind one that ends the connection: not served
	got := bufio.NewReader(strings.NewReader(r.raw(t, all.String())))
	for i, want := range []string{"l0", "l1", "l2", "VISIBLE", "l3"} {
		res, err := http.ReadResponse(got, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || !strings.Contains(string(b), `"`+want+`"`) || !strings.Contains(string(b), "Success") && i != 3 {
			t.Errorf("answer %d: %d %s", i, res.StatusCode, b)
		}
		if res.Close != (i == 4) {
			t.Errorf("answer %d: close is %v", i, res.Close)
		}
	}
	if rest, _ := io.ReadAll(got); len(rest) > 0 {
		t.Errorf("and %q", rest)
	}
	for i := range 4 {
		r.loaded(t, fmt.Sprintf("loads_%d", i), 1)
	}
	r.loaded(t, "loads_4", 0)
}

// A client that does not go on is cut off: within its head, and within its body. Nothing of that is loaded.
func TestSlowClients(t *testing.T) {
	o := options
	o.Header, o.Progress = 300*time.Millisecond, 300*time.Millisecond
	r := start(t, 1, o)
	const put = "PUT /api/fesim/loads_slow/_stream_load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", ""},
		"part of a head":      {put, "HTTP/1.1 408 "},
		"part of a body":      {put + "Content-Length: 9\r\n\r\n1,2\n", "HTTP/1.1 408 "},
		"part of a long body": {put + "Content-Length: 900000000\r\n\r\n1,2\n", "HTTP/1.1 408 "},
		"part of a chunk":     {put + "Transfer-Encoding: chunked\r\n\r\n9\r\n1,2\n", "HTTP/1.1 408 "},
		"between two":         {"GET /api/fesim/get_load_state?label=x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\n\r\n", "HTTP/1.1 200 "},
	} {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(wait))
		_, _ = io.WriteString(conn, c.text)
		b, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(b), c.want) || c.want == "" && len(b) > 0 {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		_ = conn.Close()
	}
	r.loaded(t, "loads_slow", 0)
}

// Beyond load.connections a client is told so, if all others are at work.
func TestConnections(t *testing.T) {
	o := options
	o.Connections = 2
	r := start(t, 1, o)
	for i := range 2 {
		r.openLoad(t, fmt.Sprintf("loads_%d", i), 8, "1,2\n")
	}
	until(t, "both are at work", func() bool { return len(r.Loads()) == 2 })
	if got := r.raw(t, "GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "load.connections") {
		t.Errorf("%q", got)
	}
}
