package load

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"segue/proxy/ledger"
)

// What one server leaves, another has: transactions that are open, those that must not be committed, and where ids go on.
func TestLegacy(t *testing.T) {
	made := func() *Server {
		log := slog.New(slog.DiscardHandler)
		return NewServer(Options{}, nil, ledger.New(log), log, nil)
	}
	old, next := made(), made()
	old.ids.Store(17)
	until := time.Now().Add(time.Hour).Round(0).UTC()
	for i := range mostLeft + 1 {
		old.open.begun(Load{ID: uint64(i + 1), Database: "db", Label: fmt.Sprint("open-", i)}, time.Hour)
	}
	old.open.torn = map[[2]string]time.Time{{"db", "torn"}: until}
	line, err := json.Marshal(old.Legacy())
	if err != nil || len(line) > 1<<19 {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	var told Legacy
	if err := json.Unmarshal(line, &told); err != nil {
		t.Fatal(err)
	}
	next.Inherit(told)
	if left := old.open.loads(); len(left) > 0 {
		t.Errorf("the old one has %d still", len(left))
	}
	if list := next.open.loads(); len(list) != mostLeft || next.ids.Load() != 17 {
		t.Errorf("%d open, and the last id was %d", len(list), next.ids.Load())
	}
	if want := map[[2]string]time.Time{{"db", "torn"}: until}; !reflect.DeepEqual(next.open.torn, want) {
		t.Errorf("%v", next.open.torn)
	}
	next.Inherit(Legacy{LastID: 3})
	if next.ids.Load() != 17 {
		t.Errorf("ids go back to %d", next.ids.Load())
	}
}
