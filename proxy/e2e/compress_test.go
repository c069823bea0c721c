package e2e

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/client"
	gomysqlconst "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/compress"
	"segue/backend/secure"
	"segue/backend/secure/securetest"
	proxy "segue/proxy"
)

// TestClientsCompressed runs the suites of [TestClients] with every connection compressed: large results and statements, files, pipelined statements, several results to one. Segue
// shows them what a server shows, be its own connections compressed or not.
func TestClientsCompressed(t *testing.T) {
	servers := startServers(t, 3)
	loadFiles := writeLoadFiles(t)
	for i, c := range clients() {
		if c.name == "pymysql" { // knows no compression
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c := c.build(t)
			c.compressed = true
			segue := startSegueWith(t, servers, proxy.Options{Flavor: backend.MySQL, BackendCompression: []compress.Algorithm{compress.Off, compress.Zlib}[i%2]})
			lines := c.suite(t, segue.address, loadFiles)
			for _, fault := range judge(lines, c.checks, c.expects()) {
				t.Error(fault)
			}
			segue.stop()
			segue.judge(t)
			segue.judgeEnds(t, c.gone)
			if ends := segue.ends(t); !slices.ContainsFunc(ends, func(e string) bool { return strings.HasPrefix(e, "client_quit") }) {
				t.Errorf("nobody has quit: %s", ends)
			}
		})
	}
}

// TestMoveCompressedTiDB: by zlib and by zstd TiDB and Segue understand each other, whatever the client does.
func TestMoveCompressedTiDB(t *testing.T) {
	fleet := startTiDBs(t, 0)
	for _, backends := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		for _, clients := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, clients %t", backends, clients), func(t *testing.T) {
				s := newSegue(t, fleet.specs(), proxy.Options{Flavor: backend.TiDB, BackendCompression: backends})
				s.run(t)
				for _, b := range s.registry.Backends() {
					s.registry.SetHealth(b, backend.Up, "")
				}
				var name, value string
				db := s.compressed(t, clients, "false")
				if err := db.QueryRow("SHOW SESSION STATUS LIKE 'Compression_algorithm'").Scan(&name, &value); err != nil || value != backends.String() {
					t.Errorf("the server compresses by %q, %v", value, err)
				}
				answersCompressed(t, db)
			})
		}
	}
}

// compressed is one connection of a client's.
func (s *segueUnderTest) compressed(t *testing.T, compresses bool, tls string) *sql.DB {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.MultiStatements, config.TLSConfig = "tcp", s.address, testUser, testPassword, true, tls
	if err := config.Apply(mysql.EnableCompression(compresses)); err != nil {
		t.Fatal(err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// answersCompressed checks that short and long statements have their own answers, and several in one text.
func answersCompressed(t *testing.T, db *sql.DB) {
	t.Helper()
	long := strings.Repeat("0123456789abcdef", 17<<16)
	for _, text := range []string{"x", long[:1000], long[:1<<20], long} {
		var got string
		if err := db.QueryRow("SELECT '" + text + "'").Scan(&got); err != nil || got != text {
			t.Fatalf("of %d bytes %d come back: %v", len(text), len(got), err)
		}
	}
	rows, err := db.Query("SELECT 1; SELECT REPEAT('y', 3000000); SELECT 3")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for _, want := range []int{1, 3_000_000, 1} {
		var got string
		if !rows.Next() || rows.Scan(&got) != nil || len(got) != want {
			t.Errorf("%d bytes, want %d: %v", len(got), want, rows.Err())
		}
		rows.NextResultSet()
	}
}

// TestCompressedTLS compresses within TLS, on both sides.
func TestCompressedTLS(t *testing.T) {
	a := newAuthority(t)
	server := startServers(t, 1, append(a.files(t, securetest.Leaf{}).mariadb(), "max_allowed_packet=64M")...)[0]
	certificate, key, err := secure.SelfSigned([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := secure.NewServer(secure.ServerOptions{Certificate: certificate, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, clients := range []bool{false, true} {
		s := newSegue(t, []backend.Spec{{Name: "server", Address: server.address(), TLS: a.policy(t, secure.Required, securetest.Pair{})}}, proxy.Options{
			Flavor: backend.MySQL, BackendCompression: compress.Zlib, TLS: proxy.TLS{Server: shown, Required: true},
		})
		s.run(t)
		s.registry.SetHealth(s.registry.Backends()[0], backend.Up, "")
		db := s.compressed(t, clients, "skip-verify")
		for name, want := range map[string]string{"Compression": "ON", "Ssl_version": "TLSv1.3"} {
			var value string
			if err := db.QueryRow("SHOW SESSION STATUS LIKE '"+name+"'").Scan(&name, &value); err != nil || value != want {
				t.Errorf("%s is %q, %v", name, value, err)
			}
		}
		answersCompressed(t, db)
	}
}

// TestCompressedZstd: go-mysql compresses by zstd, which MariaDB does not know, and believes no sequence id that is not the next.
func TestCompressedZstd(t *testing.T) {
	s := startSegueWith(t, startServers(t, 1), proxy.Options{Flavor: backend.MySQL, BackendCompression: compress.Zstd})
	c, err := gomysql.Connect(s.address, testUser, testPassword, "fixtures", func(c *gomysql.Conn) error {
		c.SetCapability(gomysqlconst.CLIENT_ZSTD_COMPRESSION_ALGORITHM)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c.Compression != gomysqlconst.MYSQL_COMPRESS_ZSTD {
		t.Error("zstd is not agreed upon")
	}
	for _, n := range []int{1, 1000, 3_000_000} {
		r, err := c.Execute("SELECT REPEAT('xyz', LENGTH('" + strings.Repeat("0123456789", n/10) + "'))")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.GetString(0, 0); len(got) != n/10*30 {
			t.Errorf("%d bytes, want %d", len(got), n/10*30)
		}
	}
}
