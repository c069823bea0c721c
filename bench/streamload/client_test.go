package streamload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// peer serves connections one after the other, the n-th by the n-th function; it ends with the test.
func peer(t *testing.T, serve ...func(conn net.Conn, r *http.Request)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil && i < len(serve) {
				serve[i](conn, r)
			}
			conn.Close()
		}
	}()
	return ln.Addr().String()
}

func say(format string, args ...any) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) { fmt.Fprintf(conn, format, args...) }
}

func redirect(to string) func(net.Conn, *http.Request) {
	return say("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://root:secret@%s/api/d/t/_stream_load?x=1\r\nContent-Length: 0\r\n\r\n", to)
}

func answerText(code int, text string) string {
	return fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s", code, len(text), text)
}

func put(t *testing.T, address string, chunked bool) (*Answer, error) {
	t.Helper()
	c := &Client{Timeout: 30 * time.Second, Patience: 30 * time.Second, Buffer: 3}
	return c.Put(t.Context(), &Request{
		Address: address, Path: "/api/d/t/_stream_load", User: "root", Password: "p", Headers: map[string]string{"label": "l1"},
		Body: func() io.Reader { return strings.NewReader("a,1\nb,2\n") }, Size: 8, Chunked: chunked,
	})
}

// A load goes to whom the FE names, with its head, and only there with its body.
func TestPutFollows(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		var got, head string
		be := peer(t, func(conn net.Conn, r *http.Request) {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			body, err := io.ReadAll(r.Body)
			user, password, _ := r.BasicAuth()
			got, head = string(body), fmt.Sprint(err, r.RequestURI, user, password, r.Header.Get("label"), r.ContentLength, r.Header.Get("Expect"))
			io.WriteString(conn, answerText(200, `{"Status": "Success", "Label": "l1", "NumberLoadedRows": 2}`))
		})
		a, err := put(t, peer(t, redirect(be)), chunked)
		if err != nil || !a.Good() || a.Redirects != 1 || a.Label != "l1" || FateAfter(a, err) != Loaded {
			t.Errorf("chunked %v: %+v, %v", chunked, a, err)
		}
		size := 8
		if chunked {
			size = -1
		}
		if want := fmt.Sprint(nil, "/api/d/t/_stream_load?x=1", "root", "p", "l1", size, "100-continue"); got != "a,1\nb,2\n" || head != want {
			t.Errorf("chunked %v: body %q, head %q, want %q", chunked, got, head, want)
		}
	}
}

// Where a load ended, and what is known of it, for each place where it can end.
func TestPutEnds(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := dead.Addr().String()
	dead.Close()
	cut := func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		io.Copy(io.Discard, r.Body)
	}
	for _, test := range []struct {
		name    string
		address func() string
		phase   Phase
		there   bool // at the node
		sent    bool
		fate    Fate
	}{
		{"no FE", func() string { return gone }, Connecting, false, false, NotLoaded},
		{"an FE that closes", func() string { return peer(t, say("")) }, Asking, false, false, NotLoaded},
		{"a proxy's answer before the body", func() string { return peer(t, say("%s", answerText(502, "no"))) }, Asking, false, false, NotLoaded},
		{"no BE", func() string { return peer(t, redirect(gone)) }, Connecting, true, false, NotLoaded},
		{"a BE that closes", func() string { return peer(t, redirect(peer(t, say("")))) }, Asking, true, false, NotLoaded},
		{"no answer", func() string { return peer(t, redirect(peer(t, cut))) }, Waiting, true, true, Unknown},
		{"a proxy's answer after the body", func() string {
			return peer(t, func(conn net.Conn, r *http.Request) { cut(conn, r); io.WriteString(conn, answerText(504, "<html>")) })
		}, Waiting, false, true, Unknown},
		{"a location that is none", func() string {
			return peer(t, say("HTTP/1.1 307 x\r\nLocation: gopher://x:y@z\r\nContent-Length: 0\r\n\r\n"))
		}, Asking, false, false, NotLoaded},
	} {
		a, err := put(t, test.address(), false)
		var f *Failure
		if !errors.As(err, &f) || f.Phase != test.phase || f.Redirected != test.there || f.Sent != test.sent || FateAfter(a, err) != test.fate {
			t.Errorf("%s: %+v, %v", test.name, f, err)
		}
		if err != nil && strings.Contains(err.Error(), "x:y") {
			t.Errorf("%s: the error has what may be a password: %v", test.name, err)
		}
	}
}

// Whoever says nothing for a while gets the body, as curl does.
func TestPutWithoutContinue(t *testing.T) {
	address := peer(t, func(conn net.Conn, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(conn, answerText(200, `{"Status": "Success"}`))
	})
	c := &Client{Timeout: 30 * time.Second, Patience: time.Millisecond}
	a, err := c.Put(t.Context(), &Request{Address: address, Path: "/", Body: func() io.Reader { return strings.NewReader("x") }, Size: 1})
	if err != nil || !a.Good() {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		code int
		text string
		want Fate
		good bool
		none bool
	}{
		{200, `{"Status":"Success"}`, Loaded, true, false},
		{200, `{"status":"OK","msg":"x"}`, Loaded, true, false},
		{200, `{"Status":"Publish Timeout"}`, Loaded, false, false},
		{200, `{"Status":"Label Already Exists","ExistingJobStatus":"FINISHED"}`, Loaded, false, false},
		{200, `{"Status":"Label Already Exists","ExistingJobStatus":"RUNNING"}`, Unknown, false, false},
		{200, `{"Status":"Fail","Message":"too many filtered rows"}`, NotLoaded, false, false},
		{200, `{"Status":"Fail","Message":"Transaction status unknown, you can retry with same label"}`, Unknown, false, false},
		{200, `{"Status":"FAILED","Message":"No backend alive."}`, NotLoaded, false, false},
		{200, `{"Status":"Fail","Message":"x","Outcome":"nothing"}`, NotLoaded, false, false},
		{200, `{"Status":"Fail","Message":"x","Outcome":"unknown"}`, Unknown, false, false},
		{200, `{"Status":"Success","Outcome":"loaded"}`, Loaded, true, false},
		{504, `{"Status":"Unknown","Message":"ask"}`, Unknown, false, false},
		{500, `{"Status":"Success"}`, 0, false, true}, // it contradicts itself
		{200, `{"Status":""}`, 0, false, true},
		{200, `[]`, 0, false, true},
		{200, ``, 0, false, true},
		{502, `<html>`, 0, false, true},
	} {
		a, err := read(test.code, []byte(test.text))
		if (err != nil) != test.none || err == nil && (a.Fate() != test.want || a.Good() != test.good) {
			t.Errorf("%d %s: %+v, %v", test.code, test.text, a, err)
		}
	}
}
