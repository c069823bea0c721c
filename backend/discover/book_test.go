package discover

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend/discover/nodes"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func after(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func answer(addresses ...string) (a Answer) {
	for _, text := range addresses {
		a.Found = append(a.Found, Found{Node: nodes.Node{Address: text}})
	}
	return a
}

// pods is an answer of NAME=ADDRESS.
func pods(words ...string) (a Answer) {
	for _, word := range words {
		name, address, _ := strings.Cut(word, "=")
		a.Found = append(a.Found, Found{Node: nodes.Node{Address: address}, Called: name})
	}
	return a
}

// shown is a list in words: name=address, with + for what is a seed, and - for what is about to go.
func shown(list []Entry) string {
	var words []string
	for _, e := range list {
		word := e.Name + "=" + e.Address
		if e.Seed {
			word = "+" + word
		}
		if e.Leaving != "" {
			word = "-" + word
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func nowhere(string) []netip.Addr { return nil }

func TestBook(t *testing.T) {
	type step struct {
		at     int
		of     string
		answer Answer
		want   string
		err    error
	}
	live := func(a Answer) Answer { a.Live = true; return a }
	failed := errors.New("SERVFAIL")
	for _, tt := range []struct {
		name  string
		seeds []Seed
		steps []step
	}{
		{"seeds are the floor", []Seed{{"fe-1", "a:1"}}, []step{
			{0, "sql", answer("b:1"), "+fe-1=a:1 b=b:1", nil},
		}},
		{"nothing makes the list empty", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{60, "dns", answer(), "a=a:1 b=b:1", ErrEmpty},
			{120, "dns", Answer{Err: failed}, "a=a:1 b=b:1", failed},
			{180, "dns", answer(""), "a=a:1 b=b:1", ErrEmpty},
		}},
		{"who is missing for long leaves, and is not forgotten by itself", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{10, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{39, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{40, "dns", answer("a:1"), "a=a:1 -b=b:1", nil},
			{400, "dns", answer("a:1"), "a=a:1 -b=b:1", nil},
		}},
		{"a pod takes its name to its new address", nil, []step{
			{0, "kubernetes", live(pods("fe-0=a:1", "fe-1=b:1")), "fe-0=a:1 fe-1=b:1", nil},
			{10, "kubernetes", live(pods("fe-1=b:1")), "fe-0=a:1 fe-1=b:1", nil},
			{12, "kubernetes", live(pods("fe-0=c:1", "fe-1=b:1")), "fe-1=b:1 fe-0=c:1", nil},
			{400, "kubernetes", live(pods("fe-0=c:1", "fe-1=a:1")), "fe-1=a:1 fe-0=c:1", nil},
		}},
		{"two pods change places", nil, []step{
			{0, "kubernetes", live(pods("fe-0=a:1", "fe-1=b:1", "fe-2=c:1")), "fe-0=a:1 fe-1=b:1 fe-2=c:1", nil},
			{1, "kubernetes", live(pods("fe-1=a:1", "fe-2=b:1", "fe-0=c:1")), "fe-1=a:1 fe-2=b:1 fe-0=c:1", nil},
		}},
		{"another pod at a known address", nil, []step{
			{0, "kubernetes", live(pods("fe-0=a:1", "fe-1=b:1")), "fe-0=a:1 fe-1=b:1", nil},
			{1, "kubernetes", live(pods("fe-3=a:1", "fe-1=b:1")), "fe-3=a:1 fe-1=b:1", nil},
		}},
		{"who knows a name later gives it", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{1, "kubernetes", live(pods("fe-0=a:1")), "fe-0=a:1 b=b:1", nil},
			{2, "kubernetes", Answer{Err: failed}, "fe-0=a:1 b=b:1", failed},
		}},
		{"a file gives other names", nil, []step{
			{0, "file", pods("x=a:1", "y=b:1"), "x=a:1 y=b:1", nil},
			{1, "file", pods("z=a:1", "x=b:1"), "z=a:1 x=b:1", nil},
			{2, "file", pods("=a:1", "x=b:1"), "z=a:1 x=b:1", nil},
		}},
		{"a name stays although one of two sources is silent", nil, []step{
			{0, "file", pods("x=a:1", "y=b:1"), "x=a:1 y=b:1", nil},
			{1, "dns", answer("a:1"), "x=a:1 y=b:1", nil},
			{2, "file", pods("y=b:1"), "x=a:1 y=b:1", nil},
			{40, "file", pods("y=b:1"), "x=a:1 y=b:1", nil},
			{50, "file", pods("y=b:1"), "x=a:1 y=b:1", nil},
		}},
		{"of two that are called the same, the one that was called so first", nil, []step{
			{0, "file", pods("x=b:1"), "x=b:1", nil},
			{1, "file", pods("x=a:1", "x=b:1"), "a=a:1 x=b:1", nil},
		}},
		{"half an answer makes nobody leave", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{10, "dns", Answer{Found: answer("a:1").Found, Partial: true}, "a=a:1 b=b:1", nil},
			{20, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{100, "dns", Answer{Found: answer("a:1").Found, Partial: true}, "a=a:1 b=b:1", nil},
			{101, "dns", answer("a:1"), "a=a:1 -b=b:1", nil},
		}},
		{"who comes back stays", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{10, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{39, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{50, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{79, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{80, "dns", answer("a:1"), "a=a:1 -b=b:1", nil},
			{90, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
		}},
		{"one answer alone makes nobody leave", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{10, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{1000, "dns", Answer{Err: failed}, "a=a:1 b=b:1", failed},
		}},
		{"a live source need not say it twice", nil, []step{
			{0, "kubernetes", live(answer("a:1", "b:1")), "a=a:1 b=b:1", nil},
			{10, "kubernetes", live(answer("a:1")), "a=a:1 b=b:1", nil},
			{39, "dns", answer("c:1"), "a=a:1 b=b:1 c=c:1", nil},
			{40, "dns", answer("c:1"), "a=a:1 -b=b:1 c=c:1", nil},
		}},
		{"one of two sources is enough", nil, []step{
			{0, "dns", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{1, "sql", answer("a:1", "b:1"), "a=a:1 b=b:1", nil},
			{10, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
			{90, "dns", answer("a:1"), "a=a:1 b=b:1", nil},
		}},
		{"names are of hosts, with ports where those have several", []Seed{{"b", "x:9"}}, []step{
			{0, "sql", answer("a:2", "a:1", "b:1", "[fd00::1]:1"), "+b=x:9 fd00::1=[fd00::1]:1 a-1=a:1 a-2=a:2 b-1=b:1", nil},
		}},
		{"a name stays", nil, []step{
			{0, "sql", answer("a:1"), "a=a:1", nil},
			{1, "sql", answer("a:1", "a:2"), "a=a:1 a-2=a:2", nil},
		}},
		{"a seed that is found is one", []Seed{{"fe-1", "fe-1.db:9030"}}, []step{
			{0, "sql", answer("fe-1.DB:9030", "fe-2.db:9030"), "+fe-1=fe-1.db:9030 fe-2.db=fe-2.db:9030", nil},
		}},
	} {
		b := &Book{RemoveAfter: 30 * time.Second}
		b.Reseed(tt.seeds)
		for _, s := range tt.steps {
			if err := b.Take(s.of, s.of, s.answer, after(s.at)); !errors.Is(err, s.err) {
				t.Errorf("%s, at %d: %v; want %v", tt.name, s.at, err, s.err)
			}
			if got := shown(b.List(after(s.at), nowhere)); got != s.want {
				t.Errorf("%s, at %d: %s; want %s", tt.name, s.at, got, s.want)
			}
		}
	}
}

// What sources say of one node comes together, by whatever address; what a name with several addresses stands for is nobody else.
func TestBookPutsTogether(t *testing.T) {
	places := func(host string) []netip.Addr {
		return map[string][]netip.Addr{
			"fe-1":      {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")},
			"fe-1.db":   {netip.MustParseAddr("10.0.0.1")},
			"fe-search": {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")},
		}[host]
	}
	b := new(Book)
	b.Reseed([]Seed{{"seed", "fe-1:9030"}, {"all", "fe-search:9030"}})
	err := errors.Join(
		b.Take("dns", "dns", answer("10.0.0.1:9030", "10.0.0.2:9030", "10.0.0.1:9031"), epoch),
		b.Take("sql", "sql", Answer{Found: []Found{
			{Node: nodes.Node{Address: "fe-1.db:9030", Role: nodes.Leader, Version: "4.1", HTTP: "fe-1.db:8030", Name: "x_9010_1"}},
			{Node: nodes.Node{Address: "10.0.0.2:9030", Role: nodes.Follower, Version: "4.1"}},
		}}, epoch),
		b.Take("kubernetes", "kubernetes", Answer{Found: []Found{{Node: nodes.Node{Address: "[fd00::1]:9030", Zone: "z"}, Called: "pod-0", Leaving: "terminating"}, {Node: nodes.Node{Address: "10.0.0.2:9030"}, Called: "pod-1"}}}, epoch),
	)
	if err != nil {
		t.Fatal(err)
	}
	list := b.List(epoch, places)
	if got, want := shown(list), "-+seed=fe-1:9030 +all=fe-search:9030 10.0.0.1=10.0.0.1:9031 pod-1=10.0.0.2:9030"; got != want {
		t.Fatalf("%s; want %s", got, want)
	}
	if e := list[0]; e.Role != nodes.Leader || e.Version != "4.1" || e.HTTP != "fe-1.db:8030" || e.Zone != "z" || e.Sources != "sql, kubernetes, dns" || e.Leaving != "terminating" {
		t.Errorf("%+v", e)
	}
	if e := list[3]; e.Role != nodes.Follower || e.Sources != "sql, kubernetes, dns" {
		t.Errorf("%+v", e)
	}
}

func TestBookForgets(t *testing.T) {
	b := &Book{RemoveAfter: 30 * time.Second}
	_ = b.Take("dns a", "dns", answer("a:1"), epoch)
	_ = b.Take("kubernetes", "kubernetes", Answer{Live: true, Found: answer("B:1", "c:1").Found}, epoch)
	b.List(epoch, nowhere)
	if _, ok := b.Due(); ok {
		t.Error("something is due, and nobody is missing")
	}
	_ = b.Take("kubernetes", "kubernetes", Answer{Live: true, Found: answer("c:1").Found}, after(5))
	if at, ok := b.Due(); !ok || !at.Equal(after(35)) {
		t.Errorf("due at %v, %t", at, ok)
	}
	if got := shown(b.List(after(35), nowhere)); got != "-B=B:1 a=a:1 c=c:1" {
		t.Errorf("%s", got)
	}
	b.Forget("B:1")
	b.Keep([]string{"kubernetes"}) // nobody asks a any more
	if got := shown(b.List(after(36), nowhere)); got != "-a=a:1 c=c:1" {
		t.Errorf("%s", got)
	}
	if e := b.List(after(36), nowhere)[0]; !e.Gone || e.Leaving != "dns no longer names it" {
		t.Errorf("%+v", e)
	}
	b.Reseed([]Seed{{"seed", "a:1"}}) // named now
	if got := shown(b.List(after(37), nowhere)); got != "+seed=a:1 c=c:1" {
		t.Errorf("%s", got)
	}
	var many Answer
	for i := range mostNodes + 1 {
		many.Found = append(many.Found, Found{Node: nodes.Node{Address: fmt.Sprintf("n%d:1", i)}})
	}
	if err := b.Take("dns", "dns", many, after(40)); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
}

func TestBookBoundsAll(t *testing.T) {
	b := new(Book)
	for of := range 6 {
		var many Answer
		for i := range mostNodes {
			many.Found = append(many.Found, Found{Node: nodes.Node{Address: fmt.Sprintf("n%d-%d:1", of, i)}})
		}
		want := error(nil)
		if of >= 4 {
			want = ErrTooMany
		}
		if err := b.Take(fmt.Sprint("dns ", of), "dns", many, epoch); !errors.Is(err, want) {
			t.Errorf("source %d: %v", of, err)
		}
	}
	if err := b.Take("dns 0", "dns", answer("a:1"), epoch); err != nil {
		t.Errorf("one that says less: %v", err)
	}
}

// Whatever is said in whatever order: the seeds are there, names are good and nobody's twice, no address is there twice, nobody leaves who was named by the last
// answer of a source, and something that is there stays.
func TestBookAlwaysHolds(t *testing.T) {
	for seed := range uint64(800) {
		random := rand.New(rand.NewPCG(seed, 0))
		b := &Book{RemoveAfter: time.Duration(random.IntN(40)) * time.Second}
		var seeds []Seed
		for i := range random.IntN(3) {
			seeds = append(seeds, Seed{string(rune('s' + i)), fmt.Sprintf("n%d:%d", random.IntN(6), i)})
		}
		b.Reseed(seeds)
		now, last := epoch, map[string][]string{}
		where := map[string][]netip.Addr{}
		places := func(host string) []netip.Addr { return where[host] }
		before := map[string]string{} // address → name, what was found, and has not been forgotten
		for range 30 {
			if random.IntN(3) == 0 { // a name leads elsewhere, maybe where another one leads, or to several
				addrs := make([]netip.Addr, random.IntN(3))
				for i := range addrs {
					addrs[i] = netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(4))})
				}
				where[fmt.Sprintf("n%d", random.IntN(6))] = addrs
			}
			now = now.Add(time.Duration(random.IntN(20)) * time.Second)
			of := []string{"dns", "sql", "kubernetes"}[random.IntN(3)]
			a := Answer{Live: of == "kubernetes"}
			var named []string
			for range random.IntN(5) {
				n := Found{Node: nodes.Node{Address: fmt.Sprintf("n%d:%d", random.IntN(6), random.IntN(2))}, Called: []string{"", "called", "s", "no name!"}[random.IntN(4)]}
				a.Found = append(a.Found, n)
				named = append(named, n.Address)
			}
			if b.Take(of, of, a, now) == nil {
				last[of] = named
			}
			if random.IntN(10) == 0 {
				b.Keep([]string{"dns"})
				delete(last, "sql")
				delete(last, "kubernetes")
			}
			list := b.List(now, places)
			names, addresses, forgotten, staying := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
			for i, e := range list {
				if i < len(seeds) && (!e.Seed || e.Name != seeds[i].Name || e.Address != seeds[i].Address) {
					t.Fatalf("seed %d: a seed is missing: %s", seed, shown(list))
				}
				if names[e.Name] || addresses[e.Address] || !goodName(e.Name) {
					t.Fatalf("seed %d: %s", seed, shown(list))
				}
				names[e.Name], addresses[e.Address] = true, true
				if e.Leaving == "" {
					staying++
				} else if random.IntN(3) == 0 {
					b.Forget(e.Address)
					forgotten[e.Address] = true
				}
				for _, named := range last {
					if e.Leaving != "" && slices.Contains(named, e.Address) && !strings.HasPrefix(e.Leaving, "another backend is") {
						t.Fatalf("seed %d: %s leaves, and is named", seed, e.Address)
					}
				}
			}
			for address, name := range before {
				if !addresses[address] && !names[name] {
					t.Fatalf("seed %d: %s goes at once: %s", seed, address, shown(list))
				}
			}
			before = map[string]string{}
			for _, e := range list {
				if !e.Seed && !forgotten[e.Address] {
					before[e.Address] = e.Name
				}
			}
			for of, named := range last {
				named = slices.Compact(slices.Sorted(slices.Values(named)))
				if n := counted(list, of); n < len(named) {
					t.Fatalf("seed %d: %s names %v, which are %d: %s", seed, of, named, n, shown(list))
				}
				for _, address := range named {
					if host, _, _ := net.SplitHostPort(address); !addresses[address] && len(where[host]) != 1 {
						t.Fatalf("seed %d: %s is named by %s and missing: %s", seed, address, of, shown(list))
					}
				}
			}
			if len(last) > 0 && staying == 0 {
				t.Fatalf("seed %d: nobody stays: %s", seed, shown(list))
			}
		}
	}
}

// What is learned of nodes names nobody: it does not keep alive, nor bring back, what nobody names any more.
func TestBookAnnotates(t *testing.T) {
	b := new(Book)
	b.Reseed([]Seed{{"one", "a:1"}, {"two", "b:1"}})
	said := func(role nodes.Role) Answer {
		return Answer{About: []nodes.Node{{Address: "A:1", Role: role, Name: "x"}, {Address: "b:1", Version: "11.4"}}}
	}
	if err := b.Take("sql", "sql", said(nodes.Primary), epoch); err != nil {
		t.Fatal(err)
	}
	list := b.List(epoch, nowhere)
	if got := shown(list); got != "+one=a:1 +two=b:1" || list[0].Role != nodes.Primary || list[1].Version != "11.4" || list[0].Sources != "" {
		t.Errorf("%s: %+v", got, list)
	}
	b.Reseed([]Seed{{"one", "a:1"}})
	_ = b.Take("sql", "sql", said(nodes.Replica), after(1))
	if list = b.List(after(1), nowhere); shown(list) != "+one=a:1" || list[0].Role != nodes.Replica {
		t.Errorf("%+v", list)
	}
	_ = b.Take("sql", "sql", answer("c:1"), after(2))
	_ = b.Take("sql", "sql", said(nodes.Replica), after(100)) // whoever told of others cannot any more
	if got := shown(b.List(after(100), nowhere)); got != "+one=a:1 c=c:1" {
		t.Errorf("%s", got)
	}
}

// What an operator has said of a backend is for the node: it goes with it to another name, and not to another pod at its address.
func TestBookFormerly(t *testing.T) {
	formerly := func(list []Entry) string {
		var words []string
		for _, e := range list {
			words = append(words, e.Name+"<"+e.Formerly)
		}
		return strings.Join(words, " ")
	}
	b := new(Book)
	at := 0
	take := func(of string, a Answer, want string) {
		t.Helper()
		at++
		if err := b.Take(of, of, a, after(at)); err != nil {
			t.Fatal(err)
		}
		if got := formerly(b.List(after(at), nowhere)); got != want {
			t.Errorf("%d: %s; want %s", at, got, want)
		}
	}
	take("dns", answer("a:1", "b:1"), "a< b<")
	take("kubernetes", pods("fe-0=a:1", "fe-1=b:1"), "fe-0<a fe-1<b")
	take("kubernetes", pods("fe-0=a:1", "fe-1=b:1"), "fe-0< fe-1<")
	take("kubernetes", pods("fe-3=a:1", "fe-1=b:1"), "fe-3< fe-1<")
	take("file", pods("my-fe=a:1"), "my-fe<fe-3 fe-1<")
	b.Reseed([]Seed{{"seed", "a:1"}})
	b.List(after(at), nowhere)
	b.Reseed(nil)
	if got := formerly(b.List(after(at), nowhere)); got != "my-fe<seed fe-1<" {
		t.Errorf("%s", got)
	}
	b = new(Book)
	b.Reseed([]Seed{{"seed", "a:1"}})
	take("sql", answer("a:1", "b:1"), "seed< b<")
	b.Reseed(nil) // as the cluster names it
	take("sql", answer("a:1", "b:1"), "seed< b<")
}

// A node keeps its address, and with it its sessions, although somebody who is trusted more has another word for it; and whoever turns out to be another one by
// another word has time to leave.
func TestBookKeepsAddresses(t *testing.T) {
	where := map[string][]netip.Addr{}
	lead := func(host, ip string) { where[host] = []netip.Addr{netip.MustParseAddr(ip)} }
	lead("fe-0", "10.0.0.1")
	lead("fe-1", "10.0.0.2")
	places := func(host string) []netip.Addr { return where[host] }
	b := &Book{RemoveAfter: 30 * time.Second}
	at := 0
	step := func(of string, a Answer, want string) {
		t.Helper()
		at += 10
		if err := b.Take(of, of, a, after(at)); err != nil {
			t.Fatal(err)
		}
		if got := shown(b.List(after(at), places)); got != want {
			t.Errorf("at %d: %s; want %s", at, got, want)
		}
	}
	step("dns", answer("10.0.0.1:1", "10.0.0.2:1"), "10.0.0.1=10.0.0.1:1 10.0.0.2=10.0.0.2:1")
	step("sql", answer("fe-0:1", "fe-1:1"), "10.0.0.1=10.0.0.1:1 10.0.0.2=10.0.0.2:1")
	step("dns", answer("10.0.0.1:1", "10.0.0.3:1"), "10.0.0.1=10.0.0.1:1 10.0.0.2=10.0.0.2:1 10.0.0.3=10.0.0.3:1")
	lead("fe-1", "10.0.0.3") // fe-1 is another pod now, and the old one is still missing
	step("dns", answer("10.0.0.1:1", "10.0.0.3:1"), "10.0.0.1=10.0.0.1:1 10.0.0.2=10.0.0.2:1 10.0.0.3=10.0.0.3:1")
	step("sql", answer("fe-0:1", "fe-1:1"), "10.0.0.1=10.0.0.1:1 10.0.0.2=10.0.0.2:1 10.0.0.3=10.0.0.3:1")
	step("dns", answer("10.0.0.1:1", "10.0.0.3:1"), "10.0.0.1=10.0.0.1:1 -10.0.0.2=10.0.0.2:1 10.0.0.3=10.0.0.3:1")
	b.Forget("10.0.0.2:1")
	b.Keep([]string{"sql"}) // nobody names the addresses, but they lead there
	step("sql", answer("fe-0:1", "fe-1:1"), "10.0.0.1=10.0.0.1:1 10.0.0.3=10.0.0.3:1")

	b = new(Book)
	lead("fe-1", "10.0.0.2")
	step("sql", answer("fe-0:1", "fe-1:1"), "fe-0=fe-0:1 fe-1=fe-1:1")
	step("dns", answer("10.0.0.1:1", "10.0.0.9:1"), "10.0.0.9=10.0.0.9:1 fe-0=fe-0:1 fe-1=fe-1:1")
	lead("fe-1", "10.0.0.9") // it was looked up too late
	step("dns", answer("10.0.0.1:1", "10.0.0.9:1"), "-10.0.0.9=10.0.0.9:1 fe-0=fe-0:1 fe-1=fe-1:1")
	if list := b.List(after(at), places); !list[0].Gone || list[0].Leaving != "another backend is the same server: fe-1:1" {
		t.Errorf("%+v", list[0])
	}
	b.Forget("10.0.0.9:1")
	step("dns", answer("10.0.0.1:1", "10.0.0.9:1"), "fe-0=fe-0:1 fe-1=fe-1:1")

	b = new(Book)
	b.Reseed([]Seed{{"one", "fe-0:1"}, {"two", "fe-5:1"}})
	step("sql", answer("10.0.0.1:1", "10.0.0.9:1"), "+one=fe-0:1 +two=fe-5:1 10.0.0.9=10.0.0.9:1")
	b.Reseed(nil)
	step("sql", answer("10.0.0.1:1", "10.0.0.9:1"), "10.0.0.9=10.0.0.9:1 one=fe-0:1")
	b.Reseed([]Seed{{"new", "fe-1:1"}}) // which is 10.0.0.9
	step("sql", answer("10.0.0.1:1", "10.0.0.9:1"), "+new=fe-1:1 -10.0.0.9=10.0.0.9:1 one=fe-0:1")
}

// counted is how many entries a kind of source has.
func counted(list []Entry, kind string) (n int) {
	for _, e := range list {
		if slices.Contains(strings.Split(e.Sources, ", "), kind) {
			n++
		}
	}
	return n
}

// Seeds that lead to one place are two, and so are nodes that one answer names: lookups may be wrong for a while.
func TestBookKeepsApart(t *testing.T) {
	places := func(host string) []netip.Addr {
		if host == "elsewhere" {
			return nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}
	b := new(Book)
	b.Reseed([]Seed{{"one", "localhost:1"}, {"two", "127.0.0.1:1"}, {"three", "elsewhere:1"}})
	if got, want := shown(b.List(epoch, places)), "+one=localhost:1 +two=127.0.0.1:1 +three=elsewhere:1"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	b.Reseed([]Seed{{"one", "vip:1"}})
	_ = b.Take("sql", "sql", answer("fe-1:1", "fe-2:1", "vip:1"), epoch)
	if got, want := shown(b.List(epoch, places)), "+one=vip:1 fe-1=fe-1:1 fe-2=fe-2:1"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	b.RemoveAfter = time.Hour
	_ = b.Take("sql", "sql", answer("fe-3:1", "vip:1"), after(1)) // the first is called so by now
	if got, want := shown(b.List(after(1), places)), "+one=vip:1 -fe-1=fe-1:1 -fe-2=fe-2:1 fe-3=fe-3:1"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestPace(t *testing.T) {
	p := Pace{Interval: 10 * time.Second}
	for range 200 {
		if d := p.Answered(); d < 9*time.Second || d > 11*time.Second {
			t.Fatalf("after an answer: %s", d)
		}
	}
	for i, most := range []time.Duration{10, 20, 40, 80, 80, 80, 80, 80} {
		if d := p.Failed(); d < most*time.Second/2 || d > most*time.Second {
			t.Errorf("after %d failures: %s", i+1, d)
		}
	}
	p.Answered()
	if d := p.Failed(); d > 10*time.Second {
		t.Errorf("after an answer, and a failure: %s", d)
	}
}
