package draft

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"segue/backend"
	"segue/backend/discover"
	"segue/backend/discover/nodes"
	"segue/backend/fesim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second // nothing here is to be late for a slow machine

func start(t *testing.T, n int) *fesim.Cluster {
	t.Helper()
	c, err := fesim.NewCluster(n, fesim.Options{Users: map[string]string{"root": "", "app": "geheim"}})
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func ask(t *testing.T, o Options) *File {
	t.Helper()
	o.Timeout = patience
	f, err := Ask(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	loads(t, f.Text())
	return f
}

// Who is logged in is told of all FEs, whichever is asked; each has the health URL at which it answers itself.
func TestAskFEs(t *testing.T) {
	fes := start(t, 3).FEs()
	f := ask(t, Options{Address: fes[1].MySQLAddress(), User: "root"})
	if f.Flavor != backend.StarRocks || f.Guessed || len(f.Nodes) != 3 || len(f.Remarks) > 0 || !strings.Contains(f.Version, "StarRocks") || !f.Here {
		t.Fatalf("%+v", f)
	}
	leaders := 0
	for i, n := range f.Nodes {
		if n.Address != fes[i].MySQLAddress() || n.Health != fes[i].HealthURL() || n.Problem != "" {
			t.Errorf("%+v", n)
		}
		if n.Role == nodes.Leader {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d lead", leaders)
	}
}

// One that is down stays in the file as a comment, with what is wrong.
func TestAskWhileOneIsDown(t *testing.T) {
	fes := start(t, 3).FEs()
	fes[2].Kill()
	fes[2].Wait()
	f := ask(t, Options{Address: fes[0].MySQLAddress(), User: "root"})
	if len(f.Nodes) != 3 || !f.Nodes[2].Useless || f.Nodes[2].Problem == "" || len(f.Remarks) != 1 {
		t.Fatalf("%+v", f)
	}
	if c := loads(t, f.Text()); len(c.Backends) != 2 {
		t.Errorf("%+v", c.Backends)
	}
}

// What is not told is said to be unknown, with what to do about it; and no password is in the file.
func TestAskSaysWhatIsNotKnown(t *testing.T) {
	fe := start(t, 2).FEs()[0]
	doris := backend.Doris
	for name, test := range map[string]struct {
		o    Options
		want []string
	}{
		"nobody asks":      {Options{Address: fe.MySQLAddress()}, []string{"which flavor", "which other servers", "--user"}},
		"the flavor given": {Options{Address: fe.MySQLAddress(), Flavor: &doris}, []string{"which other servers"}},
		"wrong password":   {Options{Address: fe.MySQLAddress(), User: "app", Password: "falsch"}, []string{"which flavor", "Access denied"}},
		"no privilege":     {Options{Address: fe.MySQLAddress(), User: "app", Password: "geheim"}, []string{"which other servers"}},
	} {
		f := ask(t, test.o)
		text := f.Text()
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
		if strings.Contains(text, "geheim") || strings.Contains(text, "falsch") {
			t.Errorf("%s: a password is in the file", name)
		}
		if test.o.Flavor != nil && f.Flavor != *test.o.Flavor {
			t.Errorf("%s: %s", name, f.Flavor)
		}
	}
}

// Where nothing can be asked there is no file.
func TestAskNobody(t *testing.T) {
	fe := start(t, 1).FEs()[0]
	http := strings.Split(fe.HealthURL(), "/")[2]
	fe.Kill()
	fe.Wait()
	for _, address := range []string{fe.MySQLAddress(), http} {
		if f, err := Ask(t.Context(), Options{Address: address, Timeout: patience}); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %+v, %v", address, f, err)
		}
	}
}

// A server is what it calls itself, not what it says that it is compatible with; each time anew.
func TestCalled(t *testing.T) {
	for said, want := range map[string]backend.Flavor{
		"TiDB Server (Apache License 2.0) Community Edition, MySQL 8.0 compatible 8.0.30": backend.TiDB,
		"StarRocks version 3.5.0 8.0.33":                   backend.StarRocks,
		"Doris version doris-2.1.7-rc03 5.7.99":            backend.Doris,
		"MariaDB Server 11.8.3-MariaDB":                    backend.MySQL,
		"MySQL Community Server - GPL 8.4.3":               backend.MySQL,
		"StarRocks, of Apache Doris, speaks MySQL's words": backend.StarRocks,
	} {
		for range 100 {
			if got, ok := called(said); !ok || got != want {
				t.Fatalf("%s: %s, %t", said, got, ok)
			}
		}
	}
	for _, said := range []string{"", "Source distribution 8.0.36"} {
		if got, ok := called(said); ok {
			t.Errorf("%q: %s", said, got)
		}
	}
}

// Of a list that is longer than any cluster's the beginning is taken, and that is said.
func TestTakeStopsSomewhere(t *testing.T) {
	a := &asker{file: &File{Flavor: backend.MySQL}, registry: backend.NewRegistry(backend.Options{})}
	var answer discover.Answer
	for i := range 10_000 {
		answer.Found = append(answer.Found, discover.Found{Node: nodes.Node{Address: fmt.Sprintf("10.0.%d.%d:3306", i/250, i%250), Alive: true}})
	}
	a.take(answer, Node{Address: "db:3306"})
	if len(a.file.Nodes) != mostNodes || len(a.file.Remarks) != 1 || !strings.Contains(a.file.Text(), "which of 10000 servers") {
		t.Errorf("%d nodes, %v", len(a.file.Nodes), a.file.Remarks)
	}
	a.register(answer.Found)
	if n := len(a.registry.Backends()); n != mostNodes {
		t.Errorf("%d are asked", n)
	}
}
