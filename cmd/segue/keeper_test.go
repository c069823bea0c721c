package main

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"segue/cmd/internal/admin"
)

// A disk that is gone holds up neither who says something nor the end; one that was full for a while has what was said last in the end.
func TestKeeperOnABadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		k := newKeeper("state", func() admin.Intent { return admin.Intent{} }, slog.New(slog.DiscardHandler))
		k.write = func(string, admin.Intent) error { <-back; return nil }
		go k.run()
		began := time.Now()
		for range 1000 {
			k.said()
			synctest.Wait()
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("who says something waits for %s", took)
		}
		k.end()
		if took := time.Since(began); took != keepTimeout {
			t.Errorf("the end takes %s", took)
		}
		close(back)
		<-k.ended
	})
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		k := newKeeper("state", func() admin.Intent { return admin.Intent{} }, slog.New(slog.DiscardHandler))
		k.write = func(string, admin.Intent) error {
			if tries++; tries < 4 {
				return errors.New("no space left on device")
			}
			return nil
		}
		go k.run()
		k.said()
		time.Sleep(time.Hour)
		synctest.Wait()
		if tries != 4 {
			t.Errorf("%d tries", tries)
		}
		k.cede() // what is to be kept is another's business
		k.said()
		time.Sleep(time.Hour)
		if tries != 4 {
			t.Error("written though another Segue has taken over")
		}
	})
	(*keeper)(nil).said() // there is none
	(*keeper)(nil).end()
	(*keeper)(nil).cede()
}
