package proxy

import (
	"errors"
	"testing"
	"time"

	"segue/backend"
	"segue/backend/wire"
)

// A statement that a server refuses because it takes no writes, and one that an FE cannot forward, are signs that another one leads; what an application does wrong is none. The client sees
// the error all the same.
func TestMisdirected(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flavor backend.Flavor
		said   wire.Err
		sign   bool
	}{
		"read_only":              {backend.MySQL, wire.Err{Code: codePrevented, State: "HY000", Message: "The MariaDB server is running with the --read-only option so it cannot execute this statement"}, true},
		"read_only mode":         {backend.MySQL, wire.Err{Code: codeReadOnlyMode, State: "HY000", Message: "Running in read-only mode"}, true},
		"a mistake":              {backend.MySQL, wire.Err{Code: 1146, State: "42S02", Message: "Table 'test.t' doesn't exist"}, false},
		"no leader":              {backend.StarRocks, wire.Err{Code: codeParse, State: "HY000", Message: leaderlessTexts[0]}, true},
		"a mistake at an FE":     {backend.StarRocks, wire.Err{Code: codeParse, State: "HY000", Message: "Getting analyzing error"}, false},
		"its code, but of an FE": {backend.StarRocks, wire.Err{Code: codePrevented, State: "HY000", Message: "x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			refusing := func(c *peerConn) {
				if !c.login() {
					return
				}
				for {
					if _, _, err := c.r.Next(); err != nil {
						return
					}
					c.send(1, test.said.Append(nil))
				}
			}
			p := start(t, Options{Flavor: test.flavor, Hold: Hold{Timeout: 100 * time.Millisecond}}, newPeer(t, refusing).spec("a"))
			signs := make(chan string, 10)
			eventually(t, "a worker", func() bool { return len(p.running()) > 0 })
			p.ask(func(*worker) { p.OnMisdirected = func(b *backend.Backend) { signs <- b.Name() } })
			d := p.dial()
			if err := d.login(""); err != nil {
				t.Fatal(err)
			}
			d.query("INSERT INTO t VALUES (1)")
			_, err := d.row()
			if e := new(wire.Err); !errors.As(err, &e) || e.Code != test.said.Code {
				t.Fatal(err)
			}
			switch {
			case test.sign && len(signs) == 0: // before the client has its answer
				t.Error("nobody is told")
			case !test.sign && len(signs) > 0:
				t.Errorf("%s is said to be none that leads", <-signs)
			}
		})
	}
}
