package fesim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"segue/backend/fesim"
)

// loadCluster returns a running cluster of three FEs and some BEs.
func loadCluster(t *testing.T, bes int, opts fesim.Options, be fesim.BEOptions) *fesim.Cluster {
	t.Helper()
	c := startCluster(t, 3, opts)
	for range bes {
		addBE(t, c, be)
	}
	return c
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
	err    error
}

func (a answer) String() string { return fmt.Sprintf("%d %s %v", a.status, a.text, a.err) }

// send sends one request as root and follows no redirect. The body is sent when 100 Continue has come.
func send(t *testing.T, method, url string, header map[string]string, body io.Reader) answer {
	t.Helper()
	return sendTo(t.Context(), method, url, header, body)
}

func sendTo(ctx context.Context, method, url string, header map[string]string, body io.Reader) answer {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{err: err}
	}
	r.SetBasicAuth("root", "")
	if body != nil {
		r.Header.Set("Expect", "100-continue")
	}
	for name, value := range header {
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	transport := &http.Transport{ExpectContinueTimeout: wait, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: wait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, header: res.Header, text: string(b), err: err}
	_ = json.Unmarshal(b, &a.body)
	return a
}

// put loads by an FE and the BE that it names.
func put(t *testing.T, fe *fesim.FE, path string, header map[string]string, body string) answer {
	t.Helper()
	url := "http://" + fe.HTTPAddress() + path
	for range 3 {
		a := send(t, http.MethodPut, url, header, strings.NewReader(body))
		if a.status != http.StatusTemporaryRedirect {
			return a
		}
		url = a.header.Get("Location")
	}
	t.Fatal("redirected for ever")
	return answer{}
}

// exchange sends bytes, ends them, and returns all that comes.
func exchange(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wait))
	fmt.Fprint(conn, request)
	_ = conn.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(conn)
	return string(b)
}

func TestLoadGoesByRedirectToABE(t *testing.T) {
	c := loadCluster(t, 2, fesim.Options{}, fesim.BEOptions{})
	a := put(t, c.FEs()[1], "/api/test/t/_stream_load", map[string]string{"label": "l1", "column_separator": ","}, "1,a\n2,b\n2,b\n")
	if a.body["Status"] != "Success" || a.body["NumberLoadedRows"] != 3.0 || a.body["Label"] != "l1" {
		t.Fatal(a)
	}
	l := c.Loaded("test", "t")
	if l.Rows != 3 || l.Times("1") != 1 || l.Times("2") != 2 || l.Distinct() != 2 || l.Texts["2,b"] != 2 || len(l.Twice()) != 1 {
		t.Fatalf("%+v", l)
	}
	if txn := c.LoadLabel("test", "l1"); txn.State != fesim.LoadVisible || txn.Rows != 3 {
		t.Fatalf("%+v", txn)
	}
	a = put(t, c.FEs()[0], "/api/test/t/_stream_load", map[string]string{"label": "l1"}, "1\n")
	if a.body["Status"] != "Label Already Exists" || a.body["ExistingJobStatus"] != "FINISHED" {
		t.Fatal(a)
	}
}

func TestLoadTransactionBeginsBefore100(t *testing.T) {
	c := loadCluster(t, 1, fesim.Options{}, fesim.BEOptions{})
	conn, err := net.Dial("tcp", c.BEs()[0].HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PUT /api/test/t/_stream_load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nlabel: l\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatal(line, err)
	}
	if txn := c.LoadLabel("test", "l"); txn.State != fesim.LoadPrepare {
		t.Fatalf("%+v", txn)
	}
	conn.Close()
	eventually(t, func() bool { return c.LoadLabel("test", "l").State == fesim.LoadAborted })
}

// wait is how long a test waits for what must happen.
const wait = 30 * time.Second

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(wait); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to be")
		}
	}
}

// BenchmarkLoad is how fast a BE takes a body, with parsing and without.
func BenchmarkLoad(b *testing.B) {
	for _, discard := range []bool{true, false} {
		b.Run(fmt.Sprintf("discard=%v", discard), func(b *testing.B) {
			c, err := fesim.NewCluster(1, fesim.Options{TimeScale: fast, Election: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			be, err := c.AddBE(fesim.BEOptions{Discard: discard})
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Start(); err != nil {
				b.Fatal(err)
			}
			chunk := []byte(strings.Repeat("1234567,"+strings.Repeat("x", 91)+"\n", 2600)) // 256 KiB
			b.SetBytes(int64(len(chunk)))
			conn, err := net.Dial("tcp", be.HTTPAddress())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "PUT /api/test/t/_stream_load HTTP/1.1\r\nHost: x\r\nAuthorization: Basic cm9vdDo=\r\nConnection: close\r\ncolumn_separator: ,\r\nContent-Length: %d\r\n\r\n", b.N*len(chunk))
			for range b.N { // the length stands in the head
				if _, err := conn.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			answer, _ := io.ReadAll(conn)
			if !strings.Contains(string(answer), "Success") {
				b.Fatal(string(answer))
			}
		})
	}
}
