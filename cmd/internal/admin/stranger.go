package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// mark is a header of every answer of the API, by which a client knows whom it has asked.
const mark = "X-Segue"

// StrangerError says that somebody else answers where the admin API was expected.
type StrangerError struct {
	At string // where
	Is string // who, as far as can be told
}

// Error implements error.
func (e *StrangerError) Error() string {
	return fmt.Sprintf("%s is not Segue's admin API: %s answers there; give the address that `admin` has in its configuration, 127.0.0.1:9131 unless it was changed, "+
		"by --admin or SEGUE_ADMIN", e.At, e.Is)
}

// webServer describes whoever has answered HTTP and is not Segue.
func webServer(resp *http.Response) string {
	who := "a web server"
	if name := resp.Header.Get("Server"); name != "" {
		who += " (" + quote(name) + ")"
	}
	return who
}

// wantsTLS reports whether an answer is what net/http says by itself to who speaks HTTP where it speaks TLS.
func wantsTLS(resp *http.Response) bool {
	if resp.StatusCode != http.StatusBadRequest {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxHeader))
	return err == nil && strings.Contains(string(text), "HTTPS server")
}

// firstWord is how long a server gets to speak first.
const firstWord = time.Second

// speaker finds out who has answered something that is not HTTP: empty if that cannot be told.
func speaker(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, firstWord)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(firstWord))
	head := make([]byte, 5) // a packet's header, and what begins a greeting or an ERR_Packet
	if n, err := io.ReadFull(conn, head); err != nil {
		if n > 0 {
			return "a server of another protocol"
		}
		return ""
	}
	if head[3] == 0 && (head[4] == 0x0a || head[4] == 0xff) {
		return "a server of the MySQL protocol, or Segue's `listen`,"
	}
	return "a server of another protocol"
}
