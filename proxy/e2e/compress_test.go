package e2e

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"segue/backend"
	"segue/backend/compress"
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

// TestCompressedTiDB: by zlib and by zstd TiDB and Segue understand each other, whatever the client does.
func TestCompressedTiDB(t *testing.T) {
	fleet := startTiDBs(t, 0)
	for _, backends := range []compress.Algorithm{compress.Zlib, compress.Zstd} {
		for _, clients := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, clients %t", backends, clients), func(t *testing.T) {
				s := newSegue(t, fleet.specs(), proxy.Options{Flavor: backend.TiDB, BackendCompression: backends})
				s.run(t)
				for _, b := range s.registry.Backends() {
					s.registry.SetHealth(b, backend.Up, "")
				}
				config := mysql.NewConfig()
				config.Net, config.Addr, config.User, config.Passwd, config.MultiStatements = "tcp", s.address, testUser, testPassword, true
				if err := config.Apply(mysql.EnableCompression(clients)); err != nil {
					t.Fatal(err)
				}
				connector, err := mysql.NewConnector(config)
				if err != nil {
					t.Fatal(err)
				}
				db := sql.OpenDB(connector)
				defer func() { _ = db.Close() }()
				db.SetMaxOpenConns(1)
				var name, value string
				if err := db.QueryRow("SHOW SESSION STATUS LIKE 'Compression_algorithm'").Scan(&name, &value); err != nil || value != backends.String() {
					t.Errorf("the server compresses by %q, %v", value, err)
				}
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
			})
		}
	}
}
