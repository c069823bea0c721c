// Command gopool is database/sql's pool with go-sql-driver/mysql; package e2e says how it is called and what it prints.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	workers = 8
	state   = "@held, @@time_zone, DATABASE()"
)

// pool is the pool and what its users saw.
type pool struct {
	single   bool // a connection is lent for one statement at a time
	db       *sql.DB
	prepared *sql.Stmt // the pool prepares it on each connection that it is used on
	database string

	mu                                    sync.Mutex // guards what follows
	held                                  map[any]int
	connections, statements, errors, lost int
	samples                               []string
}

func main() {
	log.SetFlags(0)
	p, err := open(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range workers {
		running.Go(func() { p.work(ctx) })
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	running.Wait()
	_ = p.db.Close()
	fmt.Printf("connections\t%d\nstatements\t%d\nerrors\t%d\nlost\t%d\n", p.connections, p.statements, p.errors, p.lost)
	for i, sample := range p.samples {
		fmt.Printf("sample.%d\t%s\n", i+1, strings.Join(strings.Fields(sample), " "))
	}
}

// open takes HOST PORT USER PASSWORD DATABASE OTHER SIZE. Its connections are in the database from their login on, since the pool
// prepares when it likes, and MariaDB executes a statement in the database in which it was prepared.
func open(args []string) (*pool, error) {
	size, err := strconv.Atoi(args[6])
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", net.JoinHostPort(args[0], args[1]), args[2], args[3], args[4]
	config.Timeout, config.ReadTimeout = 20*time.Second, 20*time.Second
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	p := &pool{db: sql.OpenDB(connector), database: args[4], held: map[any]int{}}
	p.db.SetMaxOpenConns(size)
	p.db.SetMaxIdleConns(size)
	if p.single = len(args) > 7; p.single {
		return p, nil
	}
	p.prepared, err = p.db.Prepare("SELECT ?, " + state)
	return p, err
}

func (p *pool) work(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		if err := p.borrow(context.WithoutCancel(ctx), n); err != nil {
			p.note(&p.errors, err.Error())
		}
		time.Sleep(time.Duration(5+n%10) * time.Millisecond)
	}
}

func (p *pool) borrow(ctx context.Context, n int) error {
	c, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if p.single {
		return p.one(ctx, c, n)
	}
	id, err := p.setUp(ctx, c)
	if err != nil {
		return err
	}
	tx, err := c.BeginTx(ctx, nil) // a statement of the pool's is bound to a connection by a transaction only
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	token := fmt.Sprintf("token-%d", n)
	if err := p.verify(tx.StmtContext(ctx, p.prepared).QueryRowContext(ctx, token), token, id); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return p.verify(c.QueryRowContext(ctx, "SELECT '"+token+"', "+state), token, id)
}

// one has a connection for one statement.
func (p *pool) one(ctx context.Context, c *sql.Conn, n int) error {
	var physical any
	_ = c.Raw(func(conn any) error { physical = conn; return nil })
	p.mu.Lock()
	if _, known := p.held[physical]; !known {
		p.connections++
		p.held[physical] = p.connections
	}
	p.mu.Unlock()
	token, got := fmt.Sprintf("token-%d", n), ""
	if err := c.QueryRowContext(ctx, "SELECT '"+token+"'").Scan(&got); err != nil {
		return err
	}
	if got != token {
		p.note(&p.lost, got)
		return nil
	}
	p.note(&p.statements, "")
	return nil
}

// setUp sets a connection's session up once.
func (p *pool) setUp(ctx context.Context, c *sql.Conn) (id int, err error) {
	var physical any
	_ = c.Raw(func(conn any) error { physical = conn; return nil })
	p.mu.Lock()
	id, known := p.held[physical]
	if !known {
		p.connections++
		id = p.connections
	}
	p.mu.Unlock()
	if known {
		return id, nil
	}
	for _, statement := range []string{
		fmt.Sprintf("SET @held = 'go-%d'", id), fmt.Sprintf("SET time_zone = '%s'", zone(id)),
	} {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return id, err
		}
	}
	p.mu.Lock()
	p.held[physical] = id
	p.mu.Unlock()
	return id, nil
}

func zone(id int) string { return fmt.Sprintf("+04:%02d", id%60) }

func (p *pool) verify(row *sql.Row, token string, id int) error {
	var got [4]sql.NullString
	if err := row.Scan(&got[0], &got[1], &got[2], &got[3]); err != nil {
		return err
	}
	for i, want := range []string{token, fmt.Sprintf("go-%d", id), zone(id), p.database} {
		if got[i].String != want {
			p.note(&p.lost, fmt.Sprintf("column %d is %q, not %q", i+1, got[i].String, want))
			return nil
		}
	}
	p.note(&p.statements, "")
	return nil
}

// note counts; sample, if there is one, is remembered.
func (p *pool) note(count *int, sample string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*count++
	if sample != "" && len(p.samples) < 5 {
		p.samples = append(p.samples, sample)
	}
}
