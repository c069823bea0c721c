package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"segue/backend"
)

// What each check finds, and whether that stops the next node.
func TestPreflight(t *testing.T) {
	for name, test := range map[string]struct {
		cluster  func(*cluster)
		facts    func(*Facts)
		ask      func(*Ask)
		next     string // whose turn it is; empty: be-0
		check    Check
		severity Severity
		what     string
		blocks   bool
	}{
		"all is well":               {check: CheckMembers, severity: OK, what: "6 nodes, all serve"},
		"a node is down":            {facts: func(f *Facts) { f.Nodes[4].Alive = false }, check: CheckMembers, severity: Stop, what: "not alive", blocks: true},
		"a backend leaves":          {facts: func(f *Facts) { f.Nodes[4].StatusCode = "SHUTDOWN" }, check: CheckMembers, severity: Stop, what: "its StatusCode is SHUTDOWN", blocks: true},
		"a node answers nobody":     {facts: func(f *Facts) { f.Nodes[4].Healthy, f.Nodes[4].Trouble = No, "timeout" }, check: CheckMembers, severity: Stop, what: "timeout", blocks: true},
		"a backend is disabled":     {facts: func(f *Facts) { f.Nodes[4].Disabled = true }, check: CheckMembers, severity: Warn, what: "disable_query"},
		"all others are disabled":   {facts: func(f *Facts) { f.Nodes[4].Disabled, f.Nodes[5].Disabled = true, true }, check: CheckMembers, severity: Stop, what: "no backend but", blocks: true},
		"nobody leads":              {facts: func(f *Facts) { f.Nodes[0].Role = Follower }, check: CheckLeader, severity: Stop, what: "no frontend leads", blocks: true},
		"two frontends":             {facts: func(f *Facts) { f.Nodes = slices.Delete(f.Nodes, 1, 2) }, check: CheckQuorum, severity: Stop, what: "2 voting frontends", blocks: true},
		"one follower down":         {facts: func(f *Facts) { f.Nodes[1].Alive = false }, check: CheckQuorum, severity: Stop, what: "2 of 3 followers live", blocks: true},
		"… accepted":                {facts: func(f *Facts) { f.Nodes[1].Alive = false }, ask: func(a *Ask) { a.Accept = []string{string(CheckQuorum)} }, check: CheckQuorum, severity: Stop, what: "2 of 3"},
		"an observer does not vote": {facts: func(f *Facts) { f.Nodes[1].Role = Observer }, check: CheckQuorum, severity: Stop, what: "2 voting", blocks: true},
		"a follower lags":           {facts: func(f *Facts) { f.Nodes[0].Journal = 90_000 }, check: CheckJournal, severity: Stop, what: "behind the leader", blocks: true},
		"tablets":                   {facts: func(f *Facts) { f.Tablets.Unhealthy = 1 }, check: CheckReplicas, severity: Stop, what: "1 of 100 tablets are unhealthy", blocks: true},
		"tablets, unseen":           {facts: func(f *Facts) { f.Unseen = map[Check]string{CheckReplicas: "denied"} }, check: CheckReplicas, severity: Unseen, what: "denied", blocks: true},
		"tablets, not asked for":    {facts: func(f *Facts) { f.Tablets = nil }, check: CheckReplicas, severity: Unseen, what: "nobody has asked", blocks: true},
		"… and accepted":            {facts: func(f *Facts) { f.Tablets = nil }, ask: func(a *Ask) { a.Accept = []string{string(CheckReplicas), string(CheckBalance)} }, check: CheckReplicas, severity: Unseen, what: "nobody has asked"},
		"balance":                   {facts: func(f *Facts) { f.Tablets.Balancing = 2 }, check: CheckBalance, severity: Stop, what: "2 tablets", blocks: true},
		"a load":                    {facts: func(f *Facts) { f.Jobs = []Job{{Kind: Load, Name: "in test (1)", State: "running"}} }, check: CheckJobs, severity: Stop, what: "load in test (1) is running", blocks: true},
		"an INSERT":                 {facts: func(f *Facts) { f.Jobs = []Job{{Kind: Insert, Name: "a.b", State: "loading"}} }, check: CheckJobs, severity: Stop, what: "stopping a backend may cancel it", blocks: true},
		"a short INSERT": {facts: func(f *Facts) {
			f.Jobs = []Job{{Kind: Insert, Name: "a.b", State: "loading", Within: 20 * time.Second}}
		}, check: CheckJobs, severity: Warn, what: "lets it end"},
		"a long INSERT": {facts: func(f *Facts) {
			f.Jobs = []Job{{Kind: Insert, Name: "a.b", State: "loading", Within: 21 * time.Second}}
		}, check: CheckJobs, severity: Stop, what: "may cancel it", blocks: true},
		"loads that are not told":   {facts: func(f *Facts) { f.Partly = map[Check]string{CheckJobs: "unknown table"} }, check: CheckJobs, severity: Warn, what: "unknown table"},
		"a load, and a frontend":    {facts: func(f *Facts) { f.Jobs = []Job{{Kind: Load, Name: "in test (1)", State: "running"}} }, next: "fe-1", check: CheckJobs, severity: Warn, what: "load in test (1) is running"},
		"no graceful exit":          {facts: func(f *Facts) { f.Settings["be-1"][loopCount] = "0" }, check: CheckExit, severity: Stop, what: "graceful exit is off", blocks: true},
		"no heartbeat awaited":      {facts: func(f *Facts) { f.Settings["be-1"][waitHeartbeat] = "false" }, check: CheckExit, severity: Warn, what: "may be gone before"},
		"an old backend":            {facts: func(f *Facts) { delete(f.Settings["be-1"], waitHeartbeat) }, check: CheckExit, severity: Warn, what: "it knows no " + waitHeartbeat},
		"settings unseen":           {facts: func(f *Facts) { delete(f.Settings, "be-1") }, check: CheckExit, severity: Unseen, what: "could not be read", blocks: true},
		"an old image":              {facts: func(f *Facts) { f.Image = f.Now.Add(-48 * time.Hour) }, ask: func(a *Ask) { a.Image = false }, check: CheckImage, severity: Warn, what: "48h0m0s old"},
		"no image known":            {facts: func(f *Facts) { f.Image = time.Time{} }, ask: func(a *Ask) { a.Image = false }, check: CheckImage, severity: Unseen, what: "not known"},
		"nobody saves anything":     {ask: func(a *Ask) { a.Backup = BackupUnsaid }, check: CheckBackup, severity: Stop, what: "nobody has said", blocks: true},
		"a restart needs no backup": {ask: func(a *Ask) { a.Backup, a.Change = BackupUnsaid, false }, check: CheckBackup, severity: OK, what: "mere restart"},
		"backends are older":        {facts: func(f *Facts) { f.Nodes[1].Version = "3.4.0" }, next: "fe-2", check: CheckVersions, severity: Stop, what: "older than 3.4.0 of frontend", blocks: true},
		"… and go first":            {facts: func(f *Facts) { f.Nodes[1].Version = "3.4.0" }, check: CheckVersions, severity: Warn, what: "older than 3.4.0 of frontend"},
		"backends would be older":   {next: "fe-2", check: CheckVersions, severity: Stop, what: "it has 3.3.9, older than 3.4.5 that frontend fe-2 would get", blocks: true},
		"a downgrade":               {ask: func(a *Ask) { a.Version = "3.2" }, check: CheckVersions, severity: Stop, what: "3.2 would be a downgrade", blocks: true},
		"no fleet":                  {ask: func(a *Ask) { a.Fleet = false }, check: CheckFleet, severity: Warn, what: "no Segue is asked"},
		"an empty fleet":            {facts: func(f *Facts) { f.Segues = nil }, check: CheckFleet, severity: Stop, what: "no Segue was found", blocks: true},
		"a Segue is away":           {facts: func(f *Facts) { f.Segues[0] = Segue{Address: "x", Error: "refused"} }, check: CheckFleet, severity: Stop, what: "Segue x cannot be asked: refused", blocks: true},
		"… and may be":              {facts: func(f *Facts) { f.Segues[0] = Segue{Address: "x", Error: "refused"} }, ask: func(a *Ask) { a.FleetMissing = true }, check: CheckFleet, severity: Warn, what: "is passed over"},
		"a Segue with one backend":  {facts: func(f *Facts) { f.Segues[0].Backends = f.Segues[0].Backends[1:2] }, next: "fe-1", check: CheckFleet, severity: Stop, what: "no other backend", blocks: true},
		"no Segue with the node":    {facts: func(f *Facts) { f.Segues[0].Backends = f.Segues[0].Backends[:1] }, next: "fe-1", check: CheckFleet, severity: Stop, what: "has no backend with its address fe-1:9030", blocks: true},
		"somebody drains another":   {facts: func(f *Facts) { f.Segues[0].Backends[2].Admin = backend.Drain }, next: "fe-1", check: CheckFleet, severity: Stop, what: "has it in drain, and not for this rollout", blocks: true},
		"somebody has it in maint":  {facts: func(f *Facts) { f.Segues[0].Backends[1].Admin = backend.Maint }, next: "fe-1", check: CheckFleet, severity: Stop, what: "has it in maint, and not for this rollout", blocks: true},
		"… before a backend goes":   {facts: func(f *Facts) { f.Segues[0].Backends[1].Admin = backend.Maint }, check: CheckFleet, severity: Stop, what: "has it in maint, and not for this rollout", blocks: true},
		"one without the node":      {facts: func(f *Facts) { f.Segues = append(f.Segues, Segue{Address: "y", Backends: f.Segues[0].Backends[:1]}) }, next: "fe-1", check: CheckFleet, severity: Stop, what: "Segue y has no backend with its address fe-1:9030", blocks: true},
		"sessions stay": {facts: func(f *Facts) {
			f.Segues[0].Sticking = []SegueSession{{Backend: "fe-1", Why: "lock"}, {Backend: "fe-1", Why: "lock"}}
		}, check: CheckSessions, severity: Warn, what: "2 sessions that cannot move now: lock"},
		"no node at all": {facts: func(f *Facts) { f.Nodes = nil }, check: CheckMembers, severity: Unseen, what: "no node is known", blocks: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, a := newCluster(t, 3, 0, 3, 0, 0, 1), ask()
			if test.cluster != nil {
				test.cluster(c)
			}
			f := c.facts()
			if test.facts != nil {
				test.facts(f)
			}
			if test.ask != nil {
				test.ask(&a)
			}
			if test.next != "" && test.check != CheckVersions { // backends have gone by then
				for i := range f.Nodes {
					if f.Nodes[i].Kind == Backend {
						f.Nodes[i].Version = "3.4.5"
					}
				}
			}
			next := test.next
			if next == "" {
				next = "be-0"
			}
			list := Preflight(f, Begin("x", a, f), f.Node(next))
			at := slices.IndexFunc(list, func(x Finding) bool {
				return x.Check == test.check && x.Severity == test.severity && strings.Contains(x.What, test.what)
			})
			if at < 0 {
				t.Fatalf("%+v", list)
			}
			x := list[at]
			if x.Blocks != test.blocks || x.Severity != OK && x.Remedy == "" && x.Severity != Warn {
				t.Errorf("%+v", x)
			}
			if len(Blocking(list)) > 0 != test.blocks && name != "… accepted" {
				t.Errorf("blocking: %+v", Blocking(list))
			}
		})
	}
}

func TestPreflightOfServers(t *testing.T) {
	servers := func(roles ...Role) *Facts {
		f := &Facts{Now: began, Flavor: backend.MySQL, Whole: true}
		for i, r := range roles {
			f.Nodes = append(f.Nodes, Node{Name: string(rune('a' + i)), Kind: Server, Role: r, Alive: true, Healthy: Yes, Listening: Yes})
		}
		return f
	}
	for name, test := range map[string]struct {
		f        *Facts
		check    Check
		severity Severity
		blocks   bool
	}{
		"one primary":           {servers(Primary, Replica, Replica), CheckPrimary, OK, false},
		"two primaries":         {servers(Primary, Primary), CheckPrimary, OK, false},
		"no primary":            {servers(Replica, Replica), CheckPrimary, Warn, false},
		"nothing known":         {servers(NoRole, NoRole), CheckPrimary, Unseen, true},
		"one unknown":           {servers(Primary, NoRole, Replica), CheckPrimary, Unseen, true},
		"replicas, one unknown": {servers(Replica, NoRole, Replica), CheckPrimary, Unseen, true},
		"nobody else":           {servers(Primary), CheckQuorum, Stop, true},
		"others serve":          {servers(Primary, Replica), CheckQuorum, OK, false},
	} {
		f := test.f
		list := Preflight(f, Begin("x", Ask{Limits: DefaultLimits()}, f), &f.Nodes[len(f.Nodes)-1])
		if !slices.ContainsFunc(list, func(x Finding) bool {
			return x.Check == test.check && x.Severity == test.severity && x.Blocks == test.blocks
		}) {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// Of one server nobody else would serve, whether or not its turn has come.
func TestOneServer(t *testing.T) {
	for n, want := range map[int]string{1: "no other server would serve", 2: "1 other server would serve", 3: "2 other servers would serve"} {
		f := &Facts{Now: began, Flavor: backend.TiDB}
		for i := range n {
			f.Nodes = append(f.Nodes, Node{Name: string(rune('a' + i)), Kind: Server, Alive: true})
		}
		s := Begin("x", Ask{}, f)
		for _, next := range []*Node{nil, &f.Nodes[0]} {
			for _, found := range Preflight(f, s, next) {
				if found.Check == CheckQuorum && found.What != want {
					t.Errorf("%d: %s", n, found.What)
				}
			}
		}
	}
}

// An image that was asked for and is not there is no reason to stop, and is said.
func TestImageNotWritten(t *testing.T) {
	c := newCluster(t, 3, 0, 0, 0, 0, 0)
	f := c.facts()
	s := Begin("x", Ask{Image: true, Limits: DefaultLimits()}, f)
	s.Prepared.Image = true
	for at, want := range map[time.Time]Severity{began.Add(-time.Hour): Warn, began.Add(time.Second): OK} {
		f.Now, f.Image = began.Add(time.Minute), at
		for _, found := range Preflight(f, s, nil) {
			if found.Check == CheckImage && found.Severity != want {
				t.Errorf("%+v, want %s", found, want)
			}
		}
	}
}
