package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The test's program is also the application beside Segue, if this variable says where Segue is.
const (
	asApplication = "SEGUETEST_APPLICATION"
	statements    = "SEGUETEST_STATEMENTS" // how many, if it ends by itself: a Job
	keeps         = "SEGUETEST_KEEPS"      // it has a pool that keeps a connection, beside those that it opens
)

// result is what an application has to tell when it ends.
type result struct {
	Statements int      // that were answered
	Asked      int      // connections that were opened after it was asked to stop
	Errors     []string // the first of them
}

// shutdownWork is how long the application takes to end what it has begun, as an HTTP server does that lets its requests finish.
const shutdownWork = 2 * time.Second

// application works on the database behind Segue, a connection for each statement, until it is told to stop or is done. When it is told to stop it goes on for a while.
func application(source string) (code int) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	_ = mysql.SetLogger(&mysql.NopLogger{})
	db, err := sql.Open("mysql", source)
	if err != nil {
		panic(err)
	}
	var r result
	note := func(err error) {
		if err != nil && len(r.Errors) < 10 {
			r.Errors = append(r.Errors, err.Error())
		}
	}
	if os.Getenv(keeps) != "" {
		kept, err := db.Conn(context.Background())
		note(err)
		if err == nil {
			defer kept.Close()
		}
	}
	db.SetMaxIdleConns(0) // each statement has a connection of its own
	most := 0
	_, _ = fmt.Sscan(os.Getenv(statements), &most)
	var end <-chan time.Time
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for working := true; working && (most == 0 || r.Statements < most); {
		var one int
		if err := db.QueryRow("SELECT 1").Scan(&one); err != nil {
			note(err)
			working = most == 0
		} else {
			r.Statements++
			if r.Statements == 1 {
				fmt.Println("started")
			}
		}
		if end != nil {
			r.Asked++
		}
		select {
		case <-signals:
			end = time.After(shutdownWork)
		case <-end:
			working = false
		case <-tick.C:
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
	if len(r.Errors) > 0 {
		return 1
	}
	return 0
}
