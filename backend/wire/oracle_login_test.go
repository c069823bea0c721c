package wire_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"segue/backend/wire"
)

const testCaps = wire.ClientLongPassword | wire.ClientProtocol41 | wire.ClientSecureConnection | wire.ClientPluginAuth | wire.ClientConnectWithDB |
	wire.ClientConnectAttrs | wire.ClientPluginAuthLenencClientData | wire.ClientTransactions

// pair returns the two ends of a loopback connection, both with a deadline.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}

// A go-mysql client logs in to a server that speaks through our messages, with an AuthSwitchRequest on the way, and
// reads what OK, ERR, column definitions and EOF we write.
func TestOracle_ClientAgainstOurMessages(t *testing.T) {
	near, far := pair(t)
	failed := make(chan error, 1)
	go func() { failed <- serveOnce(far) }()
	c, err := client.ConnectWithDialer(context.Background(), "tcp", "unused:1", "app", "secret", "db",
		func(context.Context, string, string) (net.Conn, error) { return near, nil },
		func(c *client.Conn) error { c.SetAttributes(map[string]string{"program_name": "oracle"}); return nil })
	if err != nil {
		t.Fatalf("connect: %v; server: %v", err, <-failed)
	}
	if got := c.GetServerVersion(); got != "8.0.33" {
		t.Errorf("server version %q", got)
	}
	r, err := c.Execute("select answer")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := r.GetIntByName(0, "answer"); v != 42 || r.Status != uint16(wire.StatusAutocommit) {
		t.Errorf("answer = %d, status %#x", v, r.Status)
	}
	_, err = c.Execute("fail")
	if e, ok := errors.AsType[*mysql.MyError](err); !ok || e.Code != 1064 || e.State != "42000" || e.Message != "no" {
		t.Errorf("error %#v", err)
	}
	if err := <-failed; err != nil {
		t.Errorf("server: %v", err)
	}
}

// serveOnce is a server for one session with one good and one bad statement.
func serveOnce(conn net.Conn) error {
	r := wire.NewReader(conn, 0)
	seq := uint8(0)
	send := func(payloads ...[]byte) error {
		var out []byte
		for _, p := range payloads {
			out, seq = wire.AppendPacket(out, seq, p)
		}
		_, err := conn.Write(out)
		return err
	}
	first, second := []byte("firstfirstfirstfirst"), []byte("secondsecondsecondse")
	greeting := wire.HandshakeV10{ServerVersion: "8.0.33", ConnectionID: 7, AuthData: first, Capabilities: testCaps, Charset: 33, AuthPlugin: wire.PluginNativePassword}
	if err := send(greeting.Append(nil)); err != nil {
		return err
	}
	payload, last, err := r.Next()
	if err != nil {
		return err
	}
	var response wire.HandshakeResponse41
	if err := response.Decode(payload); err != nil {
		return err
	}
	if response.Username != "app" || response.Database != "db" || !bytes.Contains(response.Attributes, []byte("oracle")) ||
		!bytes.Equal(response.AuthResponse, wire.NativePassword(first, []byte("secret"))) || !bytes.Equal(response.Append(nil), payload) {
		return &wire.Err{Code: 1, Message: "response is not what the client was asked for"}
	}
	seq = last + 1
	if err := send(wire.NewAuthSwitchRequest(wire.PluginNativePassword, second).Append(nil)); err != nil {
		return err
	}
	if payload, last, err = r.Next(); err != nil {
		return err
	}
	if !bytes.Equal(payload, wire.NativePassword(second, []byte("secret"))) {
		return &wire.Err{Code: 2, Message: "answer to AuthSwitchRequest is wrong"}
	}
	seq = last + 1
	if err := send((&wire.OK{}).Append(nil, testCaps)); err != nil {
		return err
	}
	return serveStatements(r, &seq, send)
}

func serveStatements(r *wire.Reader, seq *uint8, send func(...[]byte) error) error {
	column := wire.ColumnDefinition41{Catalog: "def", Name: "answer", Charset: 33, Type: wire.TypeLongLong, ColumnLength: 20}
	end := wire.EOF{Status: wire.StatusAutocommit}
	for range 2 {
		payload, last, err := r.Next()
		if err != nil {
			return err
		}
		*seq = last + 1
		if string(payload) == "\x03select answer" {
			err = send([]byte{1}, column.Append(nil, 0), end.Append(nil), wire.AppendLenencString(nil, "42"), end.Append(nil))
		} else {
			err = send((&wire.Err{Code: 1064, State: "42000", Message: "no"}).Append(nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Our messages log in to a go-mysql server and read its answers.
func TestOracle_OurMessagesAgainstServer(t *testing.T) {
	near, far := pair(t)
	conf := server.NewServer("8.0.11", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_NATIVE_PASSWORD, nil, nil)
	users := server.NewInMemoryProvider()
	users.AddUser("app", "secret")
	served := make(chan error, 1)
	go func() {
		c, err := conf.NewCustomizedConn(far, users, server.EmptyHandler{})
		for err == nil && !c.Closed() {
			err = c.HandleCommand()
		}
		served <- err
	}()
	r := wire.NewReader(near, 0)
	ask := func(seq uint8, payload []byte) []byte {
		t.Helper()
		out, _ := wire.AppendPacket(nil, seq, payload)
		if _, err := near.Write(out); err != nil {
			t.Fatal(err)
		}
		answer, _, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(answer)
	}
	payload, _, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var greeting wire.HandshakeV10
	if err := greeting.Decode(payload); err != nil {
		t.Fatal(err)
	}
	if greeting.ServerVersion != "8.0.11" || greeting.AuthPlugin != wire.PluginNativePassword || len(greeting.AuthData) != wire.SaltLen {
		t.Errorf("greeting %+v", greeting)
	}
	response := wire.HandshakeResponse41{
		Capabilities: greeting.Capabilities & testCaps, Charset: 45, Username: "app", Database: "db", AuthPlugin: greeting.AuthPlugin,
		AuthResponse: wire.NativePassword(greeting.AuthData, []byte("secret")), Attributes: []byte("\x01a\x01b"),
	}
	var ok wire.OK
	if err := ok.Decode(ask(1, response.Append(nil)), testCaps); err != nil {
		t.Errorf("login: %v", err)
	}
	if err := ok.Decode(ask(0, []byte{byte(wire.ComPing)}), testCaps); err != nil {
		t.Errorf("ping: %v", err)
	}
	var failed wire.Err
	if err := failed.Decode(ask(0, []byte("\x1athis command is unknown"))); err != nil || failed.Code == 0 {
		t.Errorf("unknown command: %+v, %v", failed, err)
	}
	near.Close()
	<-served // however it ended
}
