package proxy

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"segue/backend"
	"segue/backend/client"
	"segue/backend/wire"
	"segue/proxy/track"
)

// speaking answers every SET by OK, and all else by its own text; what it says of net_write_timeout is given.
func speaking(timeout string) func(c *peerConn) {
	return answering(func(c *peerConn, command []byte) bool {
		switch text := command[1:]; {
		case bytes.HasPrefix(text, []byte("SET ")):
			return c.send(1, peerOK)
		case bytes.Contains(text, []byte("SELECT /*+ MAX_EXECUTION_TIME(5000) */ @@session.net_write_timeout LIMIT 1")):
			return c.echoed([]byte(timeout))
		default:
			return c.echoed(text)
		}
	})
}

// A session that is not what it was once it has been rebuilt stays where it is, and tells what differs.
func TestUnlikeSessionStays(t *testing.T) {
	for now, differs := range map[string]bool{"200": false, "100": true} {
		p, d := between(t, speaking("200"), speaking(now))
		d.query("SET net_write_timeout=200")
		if _, err := d.row(); err != nil {
			t.Fatal(err)
		}
		_ = p.registry.SetAdmin("a", backend.Drain)
		if !differs {
			p.onB()
			continue
		}
		eventually(t, "what differs to be told", func() bool {
			s := p.Sessions()
			return len(s) == 1 && s[0].Backend == "a" && slices.Equal(s[0].Differs, []string{"@@net_write_timeout"})
		})
		d.ask("SELECT 1")
		if n := testutil.ToFloat64(p.metrics.moves.WithLabelValues("a", "b", "differs")); n < 1 {
			t.Errorf("%v moves have been given up for what differs", n)
		}
	}
}

func TestLikeness(t *testing.T) {
	traits := []track.Trait{{Name: "the database", Columns: []string{"DATABASE()"}, Want: []string{"Shop"}}, {Name: "@x", Columns: []string{"LENGTH(@x)", "MD5(@x)"}}}
	row := func(values ...string) client.Table {
		var list []client.Value
		for _, v := range values {
			list = append(list, client.Value(v))
		}
		if values == nil {
			return client.Table{}
		}
		return client.Table{Rows: [][]client.Value{list}}
	}
	for name, c := range map[string]struct {
		old, now client.Table
		want     string
	}{
		"alike":                        {row("Shop", "1", "a"), row("Shop", "1", "a"), ""},
		"another value":                {row("Shop", "1", "a"), row("Shop", "1", "b"), "@x"},
		"both":                         {row("Shop", "1", "a"), row("shop", "2", "a"), "the database, @x"},
		"no answer but from the old":   {row("Shop", "1", "a"), row(), "the database"},
		"no answer":                    {row(), row(), ""},
		"no old backend":               {row(), row("shop", "1", "a"), ""},
		"no old backend, another name": {row(), row("mart", "1", "a"), "the database"},
		"another shape":                {row("Shop", "1", "a"), row("Shop"), "the database"},
	} {
		l := &likeness{traits: traits, flavor: backend.MySQL, old: c.old, now: c.now}
		if got := strings.Join(l.differs(), ", "); got != c.want {
			t.Errorf("%s: differs in %q, want %q", name, got, c.want)
		}
	}
	if (*likeness)(nil).differs() != nil {
		t.Error("nothing differs from nothing")
	}
}

// A database that is there no more when its session has lost its backend costs one error, and not the session.
func TestDatabaseThatIsGone(t *testing.T) {
	gone := &wire.Err{Code: 1049, State: "42000", Message: "Unknown database 'shop'"}
	p, d := between(t, answering(func(c *peerConn, command []byte) bool { return c.send(1, peerOK) }), answering(func(c *peerConn, command []byte) bool {
		switch text := command[1:]; {
		case command[0] == byte(wire.ComInitDB):
			return c.send(1, gone.Append(nil))
		case bytes.Contains(text, []byte(" DATABASE() LIMIT 1")):
			return c.send(1, []byte{1}, peerDef, peerEOF, []byte{0xfb}, peerEOF)
		default:
			return c.echoed(text)
		}
	}))
	d.query("USE shop")
	if _, err := d.row(); err != nil {
		t.Fatal(err)
	}
	p.cutOff()
	p.onB()
	d.query("SELECT 1")
	if got, err := d.row(); err == nil || !strings.Contains(err.Error(), "without its database") {
		t.Errorf("the client got %q, %v", got, err)
	}
	d.ask("SELECT 2")
}
