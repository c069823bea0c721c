package sql_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
	"go.uber.org/goleak"

	"segue/backend/discover/sql"
	"segue/backend/fesim"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is what nothing here needs.
const patience = 20 * time.Second

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func startFEs(t *testing.T, n int, o fesim.Options) *fesim.Cluster {
	t.Helper()
	c, err := fesim.NewCluster(n, o)
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A simulated FE is asked who is in its cluster, says what is wrong with a statement and who may not ask, and the connection goes on.
func TestAsksAnFE(t *testing.T) {
	cluster := startFEs(t, 3, fesim.Options{Users: map[string]string{"root": "secret", "app": ""}, FrontendsWithID: true})
	ctx := within(t, patience)
	to := sql.Target{Address: cluster.FEs()[1].MySQLAddress(), User: "root", Password: "secret"}
	c, err := sql.Dial(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.ServerVersion() == "" {
		t.Error("no version")
	}
	var said *sql.Error
	if _, err := c.Query(ctx, "SELECT nonsense FROM"); !errors.As(err, &said) || said.Code != 1064 || said.State != "HY000" {
		t.Errorf("a wrong statement: %v", err)
	}
	table, err := c.Query(ctx, "SHOW FRONTENDS")
	if err != nil || table.Len() != 3 {
		t.Fatalf("%v, %v", table, err)
	}
	role, ok := table.Get(0, "no such", "ROLE")
	if !ok || role != "LEADER" {
		t.Errorf("role of the first: %q, %t, in %v", role, ok, table.Columns)
	}
	if _, ok := table.Get(3, "Role"); ok {
		t.Error("there is no fourth row")
	}
	if _, ok := table.Get(0, "no such"); ok {
		t.Error("there is no such column")
	}
	if table, err := c.Query(ctx, "SET @x = 1"); err != nil || table.Len() != 0 {
		t.Errorf("without a result: %v, %v", table, err)
	}
	if table, err = c.Query(ctx, "SELECT 007, NULL, 'é', ''"); err != nil || !slices.Equal(table.Rows[0][1:], []string{"", "é", ""}) {
		t.Errorf("%v, %v", table, err)
	}

	to.Password = "wrong"
	if _, err := sql.Dial(ctx, to); !errors.As(err, &said) || said.Code != 1045 || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v", err)
	}
	to.User, to.Password = "app", ""
	app, err := sql.Dial(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	if _, err := app.Query(ctx, "SHOW FRONTENDS"); !errors.As(err, &said) || said.Code != 5203 {
		t.Errorf("without OPERATE: %v", err)
	}
}

// An FE without a leader says nothing to SHOW FRONTENDS: the context ends the question, be it by its deadline or by a word.
func TestGivesUpWaiting(t *testing.T) {
	cluster := startFEs(t, 3, fesim.Options{FrontendsHang: true, Election: time.Hour})
	leader := cluster.Leader()
	leader.Kill()
	leader.Wait()
	var other *fesim.FE
	for _, f := range cluster.FEs() {
		if f != leader {
			other = f
		}
	}
	c, err := sql.Dial(within(t, patience), sql.Target{Address: other.MySQLAddress(), User: "root"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Query(within(t, 50*time.Millisecond), "SHOW FRONTENDS"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := c.Query(within(t, patience), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("behind a question that was given up: %v", err)
	}
	c, err = sql.Dial(within(t, patience), sql.Target{Address: other.MySQLAddress(), User: "root"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
	if _, err := c.Query(ctx, "SHOW FRONTENDS"); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// answering starts a server of few words: to each connection it writes what is given, each as soon as the one before has been answered by something, and keeps
// the connection open until the other side ends it.
func answering(t *testing.T, words ...[]byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			_ = nc.SetDeadline(time.Now().Add(patience))
			for i, w := range words {
				if i > 0 {
					_, _ = nc.Read(make([]byte, 4096))
				}
				_, _ = nc.Write(w)
			}
			_, _ = io.Copy(io.Discard, nc)
			nc.Close()
		}
	}()
	return l.Addr().String()
}

func packet(seq byte, payload string) []byte {
	return append([]byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), seq}, payload...)
}

// A greeting of a server without TLS, in parts.
const (
	version  = "\x0a8.0.33\x00"
	id       = "\x01\x00\x00\x00"
	salt1    = "12345678\x00"
	caps     = "\x0c\x82" // as a StarRocks FE has them
	middle   = "\x21\x00\x00\x38\x00\x15" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	salt2    = "123456789012\x00"
	greeting = version + id + salt1 + caps + middle + salt2 + "mysql_native_password\x00"
	welcome  = "\x00\x00\x00\x00\x00\x00\x00"
)

// No server can make Segue panic, wait, or fill its memory, by what it says.
func TestMaliciousServers(t *testing.T) {
	const half = 300 * time.Millisecond
	logins := map[string]struct {
		words [][]byte
		want  error // nil: any
	}{
		"silent":                     {nil, context.DeadlineExceeded},
		"half a header":              {[][]byte{{1, 0}}, context.DeadlineExceeded},
		"an empty greeting":          {[][]byte{packet(0, "")}, sql.ErrBroken},
		"a version without an end":   {[][]byte{packet(0, "\x0a8.0.33")}, sql.ErrBroken},
		"cut behind the version":     {[][]byte{packet(0, version)}, sql.ErrBroken},
		"cut in the id":              {[][]byte{packet(0, version+"\x01")}, sql.ErrBroken},
		"cut in the salt":            {[][]byte{packet(0, version+id+"123")}, sql.ErrBroken},
		"cut in the capabilities":    {[][]byte{packet(0, version+id+salt1+"\x0c")}, sql.ErrBroken},
		"cut behind them":            {[][]byte{packet(0, version+id+salt1+caps+"\x21")}, nil},
		"cut in the second salt":     {[][]byte{packet(0, version+id+salt1+caps+middle+"1234")}, nil},
		"a plugin without an end":    {[][]byte{packet(0, version+id+salt1+caps+middle+salt2+"mysql_native")}, nil},
		"a short ERR":                {[][]byte{packet(0, "\xff\x10")}, sql.ErrBroken},
		"another protocol":           {[][]byte{packet(0, "\x0b"+greeting[1:])}, sql.ErrBroken},
		"no protocol":                {[][]byte{[]byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, sql.ErrTooLong},
		"a greeting of 16 MiB":       {[][]byte{{0xff, 0xff, 0xff, 0}}, sql.ErrTooLong},
		"an empty answer":            {[][]byte{packet(0, greeting), packet(2, "")}, sql.ErrBroken},
		"an answer of 16 MiB":        {[][]byte{packet(0, greeting), {0xff, 0xff, 0xff, 2}}, sql.ErrTooLong},
		"an ERR of one byte":         {[][]byte{packet(0, greeting), packet(2, "\xff")}, sql.ErrBroken},
		"an OK of one byte":          {[][]byte{packet(0, greeting), packet(2, "\x00")}, sql.ErrBroken},
		"a switch to nothing":        {[][]byte{packet(0, greeting), packet(2, "\xfe")}, nil},
		"a switch without a salt":    {[][]byte{packet(0, greeting), packet(2, "\xfemysql_native_password\x00")}, sql.ErrBroken},
		"a switch to the clear":      {[][]byte{packet(0, greeting), packet(2, "\xfemysql_clear_password\x00")}, sql.ErrClearPassword},
		"a switch to sha2, no key":   {[][]byte{packet(0, greeting), packet(2, "\xfecaching_sha2_password\x00"+salt1[:8]+salt2), packet(4, "\x01\x04"), packet(6, "\x01none")}, sql.ErrBroken},
		"a switch to sha2, some key": {[][]byte{packet(0, greeting), packet(2, "\xfecaching_sha2_password\x00"+salt1[:8]+salt2), packet(4, "\x01\x04"), packet(6, "\x01-----BEGIN PUBLIC KEY-----")}, sql.ErrUntrustedKey},
		"a switch to sha256, no key": {[][]byte{packet(0, greeting), packet(2, "\xfesha256_password\x00"+salt1[:8]+salt2), packet(4, "\x01none")}, sql.ErrBroken},
		"switch upon switch":         {[][]byte{packet(0, greeting), packet(2, "\xfemysql_native_password\x00"+salt1[:8]+salt2), packet(4, "\xfemysql_clear_password\x00")}, sql.ErrClearPassword},
		"a wrong sequence":           {[][]byte{packet(0, greeting), packet(7, welcome)}, nil},
		"silence behind the login":   {[][]byte{packet(0, greeting)}, context.DeadlineExceeded},
	}
	for name, c := range logins {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := patience
			if errors.Is(c.want, context.DeadlineExceeded) {
				limit = half
			}
			conn, err := sql.Dial(within(t, limit), sql.Target{Address: answering(t, c.words...), User: "root", Password: "geheim"})
			if err == nil {
				conn.Close()
				t.Fatal("logged in")
			}
			if c.want != nil && !errors.Is(err, c.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%v; want %v", err, c.want)
			}
		})
	}
	const column = "\x03def\x00\x00\x00\x01x\x00\x0c\x21\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00"
	const eof = "\xfe\x00\x00\x00\x00"
	answers := map[string]struct {
		answer []byte
		want   error
	}{
		"silence":                 {nil, context.DeadlineExceeded},
		"an empty packet":         {packet(1, ""), sql.ErrBroken},
		"2^63 columns":            {packet(1, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"), sql.ErrTooLong},
		"2^24 columns":            {packet(1, "\xfd\xff\xff\xff"), sql.ErrTooLong},
		"65535 columns":           {packet(1, "\xfc\xff\xff"), sql.ErrTooLong},
		"half a number":           {packet(1, "\xfc\xff"), sql.ErrBroken},
		"a file is asked for":     {packet(1, "\xfb/etc/passwd"), nil},
		"fewer columns than said": {slices.Concat(packet(1, "\x02"), packet(2, column), packet(3, eof)), nil},
		"more columns than said":  {slices.Concat(packet(1, "\x01"), packet(2, column), packet(3, column), packet(4, eof)), sql.ErrBroken},
		"half a column":           {slices.Concat(packet(1, "\x01"), packet(2, column[:9])), nil},
		"a row of no end":         {slices.Concat(packet(1, "\x01"), packet(2, column), packet(3, eof), packet(4, "\x20short"), packet(5, eof)), nil},
		"an empty row":            {slices.Concat(packet(1, "\x01"), packet(2, column), packet(3, eof), packet(4, "")), sql.ErrBroken},
		"a long row":              {slices.Concat(packet(1, "\x01"), packet(2, column), packet(3, eof), []byte{0xff, 0xff, 0xff, 4}, make([]byte, 9<<20)), sql.ErrTooLong},
		"short OK":                {packet(1, "\x00\x00"), sql.ErrBroken},
		"short ERR":               {packet(1, "\xff\x01"), sql.ErrBroken},
	}
	for name, c := range answers {
		t.Run("answer/"+name, func(t *testing.T) {
			t.Parallel()
			conn, err := sql.Dial(within(t, patience), sql.Target{Address: answering(t, packet(0, greeting), packet(2, welcome), c.answer), User: "root"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			limit := patience
			if errors.Is(c.want, context.DeadlineExceeded) {
				limit = half
			}
			table, err := conn.Query(within(t, limit), "SHOW FRONTENDS")
			if err == nil {
				t.Fatalf("believed: %v", table)
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v; want %v", err, c.want)
			}
		})
	}
	t.Run("said ahead of the question", func(t *testing.T) {
		conn, err := sql.Dial(within(t, patience), sql.Target{Address: answering(t, packet(0, greeting), slices.Concat(packet(2, welcome), packet(1, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"))), User: "root"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Query(within(t, patience), "SELECT 1"); !errors.Is(err, sql.ErrTooLong) {
			t.Errorf("%v", err)
		}
	})
}

// oracle starts go-mysql's own server, which shows a certificate, and lets app in by the plugin.
func oracle(t *testing.T, plugin string, pair *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	users := server.NewInMemoryProvider()
	users.AddUser("app", "geheim")
	s := server.NewServer("8.0.33", mysql.DEFAULT_COLLATION_ID, plugin, nil, pair)
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			c, err := s.NewCustomizedConn(nc, users, &teller{})
			for err == nil {
				err = c.HandleCommand()
			}
			nc.Close()
		}
	}()
	return l.Addr().String()
}

// teller answers every statement with itself.
type teller struct{ server.EmptyHandler }

func (*teller) HandleQuery(statement string) (*mysql.Result, error) {
	r, err := mysql.BuildSimpleTextResultset([]string{"statement"}, [][]any{{statement}})
	return mysql.NewResult(r), err
}

// TLS is as the policy has it; inside of it a password may be clear, and what is said is bounded all the same.
func TestTLS(t *testing.T) {
	ca := securetest.New(t, "ca")
	pair := ca.Issue(t, securetest.Leaf{Names: []string{"127.0.0.1"}, RSA: true}).TLS(t)
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	ctx := within(t, patience)
	for _, plugin := range []string{mysql.AUTH_NATIVE_PASSWORD, mysql.AUTH_CACHING_SHA2_PASSWORD, mysql.AUTH_SHA256_PASSWORD} {
		for mode, policy := range map[string]*secure.Policy{
			"verify-identity": securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: ca.PEM()}),
			"preferred":       securetest.Policy(t, secure.Preferred, secure.Material{}),
		} {
			to := sql.Target{Address: oracle(t, plugin, config), User: "app", Password: "geheim"}.Secured(policy)
			c, err := sql.Dial(ctx, to)
			if err != nil {
				t.Errorf("%s, %s: %v", plugin, mode, err)
				continue
			}
			for i := range 3 {
				want := fmt.Sprint("SELECT ", i)
				if table, err := c.Query(ctx, want); err != nil || table.Len() != 1 || table.Rows[0][0] != want {
					t.Errorf("%s, %s: %v, %v", plugin, mode, table, err)
				}
			}
			c.Close()
		}
	}
	to := sql.Target{Address: oracle(t, mysql.AUTH_NATIVE_PASSWORD, config), User: "app", Password: "geheim"}
	stranger := securetest.Policy(t, secure.VerifyIdentity, secure.Material{CA: securetest.New(t, "stranger").PEM()})
	if _, err := sql.Dial(ctx, to.Secured(stranger)); !errors.As(err, new(*secure.CertificateError)) {
		t.Errorf("a certificate that does not do: %v", err)
	}
	to.Address = startFEs(t, 1, fesim.Options{}).FEs()[0].MySQLAddress() // without TLS
	to.User, to.Password = "root", ""
	if _, err := sql.Dial(ctx, to.Secured(securetest.Policy(t, secure.Required, secure.Material{}))); !errors.Is(err, sql.ErrNoTLS) {
		t.Errorf("a server without TLS: %v", err)
	}
	c, err := sql.Dial(ctx, to.Secured(securetest.Policy(t, secure.Preferred, secure.Material{})))
	if err != nil {
		t.Fatalf("preferred, a server without TLS: %v", err)
	}
	c.Close()
}
