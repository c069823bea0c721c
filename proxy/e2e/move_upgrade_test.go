package e2e

import (
	"slices"
	"strings"
	"testing"
)

// nextDefaults are lines of an option file that older releases do not read: the next one begins its sessions with other collations, as releases
// from 11.5 on do unless they are told otherwise.
const nextDefaults = "[mariadbd-11.4]\ncharacter-set-collations=" + nextCollations

const nextCollations = "utf8mb3=utf8mb3_uca1400_ai_ci,ucs2=ucs2_uca1400_ai_ci,utf8mb4=utf8mb4_uca1400_ai_ci,utf16=utf16_uca1400_ai_ci,utf32=utf32_uca1400_ai_ci"

// upgradedFleet is MariaDB servers each of which is of the next release once it has been restarted, with the data that it had.
type upgradedFleet struct {
	*mariadbFleet
	next release
}

func startUpgraded(t *testing.T) *upgradedFleet {
	t.Helper()
	// Another release does not begin with a log that is to be replayed.
	return &upgradedFleet{startMariaDBs(t, "innodb-fast-shutdown=1", nextDefaults), nextRelease(t)}
}

func (f *upgradedFleet) restart(t *testing.T, p *segueProgram, i int) {
	t.Helper()
	f.servers[i].release = f.next
	f.mariadbFleet.restart(t, p, i)
	if v := f.version(t, i); !strings.HasPrefix(v, "11.4.") {
		t.Fatalf("server %d is %s after its upgrade", i+1, v)
	}
}

func (f *upgradedFleet) version(t *testing.T, i int) (version string) {
	t.Helper()
	db, err := f.admin(i)
	if err != nil {
		t.Fatalf("open server: %v", err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), "SELECT VERSION()").Scan(&version); err != nil {
		t.Fatalf("ask server for its version: %v", err)
	}
	return version
}

// TestMoveUpgradeMariaDB upgrades MariaDB 10.11 to 11.4, node by node, under the full load through Segue: no client sees an error, no state is lost.
func TestMoveUpgradeMariaDB(t *testing.T) { roll(t, startUpgraded(t)) }

// TestMoveUpgradeKeepsValues: a session is what it was on the other release too, whichever way it goes: while servers are upgraded one by one, some go back.
func TestMoveUpgradeKeepsValues(t *testing.T) {
	f := startMariaDBs(t, "innodb-fast-shutdown=1")
	f.servers = f.servers[:2]
	f.servers[1].release = nextRelease(t)
	f.servers[1].restart(t)
	v := &verdictTrial{fleet: f, dialect: "MariaDB", program: startProgram(t, f.flavor(), f.specs())}
	v.fill(t, latin1Names)
	older, newer := f.specs()[0].Name, f.specs()[1].Name
	t.Run("back to 10.11", func(t *testing.T) { v.tryAll(t, newer, "utf8mb4_general_ci", valueCases()) })
	if err := f.servers[1].exec(t.Context(), "SET GLOBAL character_set_collations='"+nextCollations+"'"); err != nil {
		t.Fatal(err)
	}
	t.Run("to 11.4", func(t *testing.T) { v.tryAll(t, older, "utf8mb4_general_ci", append(valueCases(), releaseCases()...)) })
	t.Run("to 11.4 by MySQL's collation", func(t *testing.T) { v.tryAll(t, older, "utf8mb4_0900_ai_ci", releaseCases()) })
	t.Run("to 11.4 from one that is killed", func(t *testing.T) {
		v.tryKilled(t, f, older, slices.DeleteFunc(releaseCases(), func(c valueCase) bool { return c.computes }))
	})
	t.Run("none goes back", func(t *testing.T) {
		v.program.waitUp(t)
		v.tryAll(t, newer, "utf8mb4_general_ci", []valueCase{{name: "nothing", stays: true}, {name: "a name", run: []string{"SET NAMES utf8mb4"}, stays: true}})
	})
}

// tryAll runs cases that begin at one of the backends.
func (v *verdictTrial) tryAll(t *testing.T, home, collation string, cases []valueCase) {
	t.Helper()
	v.collation = collation
	for _, spec := range v.fleet.specs() {
		if spec.Name != home {
			v.avoid = spec.Name
		}
	}
	for _, c := range cases {
		switch c.name {
		case "switches, one by one": // each release has switches that the other one does not know
			c.stays = true
		case "numbers with their scale": // -0e0 is -0 to 11.4, and 0 to 10.11: the session may stay for it
			c.run = []string{strings.Replace(c.run[0], "@e=-0e0, ", "", 1)}
		}
		t.Run(c.name, func(t *testing.T) { v.tryValues(t, c) })
	}
}

// tryKilled has the sessions of all cases lose the backend at home, the first of the fleet.
func (v *verdictTrial) tryKilled(t *testing.T, f *mariadbFleet, home string, cases []valueCase) {
	t.Helper()
	v.collation, v.avoid = "utf8mb4_general_ci", f.specs()[1].Name
	type sight struct {
		s      *verdictSession
		before map[string]string
	}
	var sights []sight
	for _, c := range cases {
		s := v.connectAt(t)
		t.Cleanup(s.close)
		for _, text := range c.run {
			s.mustRun(t, text)
		}
		sights = append(sights, sight{s, s.values(t, c)})
	}
	if err := f.kill(0); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if !sights[i].s.leaves(t, home) {
			t.Fatalf("%s: has not left %s: %+v", c.name, home, sights[i].s.info(t))
		}
		after := sights[i].s.values(t, c)
		for _, probe := range valueProbes() {
			if before := sights[i].before[probe]; !sameValue(before, after[probe]) {
				t.Errorf("%s: %s\n%s, now\n%s", c.name, probe, before, after[probe])
			}
		}
	}
	if err := f.revive(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// releaseCases are what releases begin with differently.
func releaseCases() []valueCase {
	return []valueCase{
		{name: "nothing"},
		{name: "a character set's collation", run: []string{"SET NAMES utf8mb3"}},
		{name: "… in words", run: []string{"SET character_set_connection = utf8mb4"}},
		{name: "… in statements", computes: true, run: []string{"SET NAMES utf8mb4", "SET @a = CONVERT('a' USING utf8mb4), @b = CONCAT(_utf8mb4'b')"}},
		{name: "COLLATE DEFAULT", run: []string{"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET NAMES utf8mb4 COLLATE DEFAULT"}},
		{name: "PREPARE of a literal", run: []string{"SET NAMES utf8mb4", "PREPARE s FROM 'SELECT COLLATION(''a''), COLLATION(_utf8mb4''a''), COLLATION(CONVERT(1 USING utf8mb4))'"}},
	}
}
