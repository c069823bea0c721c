package track

import (
	"strings"
	"testing"

	"segue/backend/wire"
)

func TestOnto(t *testing.T) {
	const old, mapping, byDefault = 101106, 110405, 110800
	cleared := "SET character_set_collations='', "
	for _, c := range []struct {
		name       string
		from       Options
		to         uint32
		collations string
		want       string // the beginning of the statement
		wont       bool
	}{
		{"same release", Options{Dialect: MariaDB, Version: old, Collation: 45}, old, "", "", false},
		{"what is not known", Options{Dialect: MariaDB, Collation: 45}, mapping, "", "", false},
		{"no MariaDB", Options{Dialect: MySQL, Version: 80036, Collation: 45}, 80400, "", "", false},
		{"to collations by character set", Options{Dialect: MariaDB, Version: old, Collation: 45}, mapping, "", cleared + "collation_connection=IFNULL((SELECT COLLATION_NAME FROM information_schema.COLLATIONS WHERE ID=45)", false},
		{"with one that the old server does not know", Options{Dialect: MariaDB, Version: old, Collation: 255}, mapping, "", cleared + "character_set_client=@@global.", false},
		{"with one that neither knows", Options{Dialect: MariaDB, Version: old, Collation: 255}, 110600, "", cleared + "character_set_client=@@global.", false},
		{"back, with none", Options{Dialect: MariaDB, Version: mapping, Collation: 45}, old, "''", "", false},
		{"back, with some", Options{Dialect: MariaDB, Version: mapping, Collation: 45}, old, "'utf8mb4=utf8mb4_bin'", "", true},
		{"back, from where they are empty by default", Options{Dialect: MariaDB, Version: mapping, Collation: 45}, old, "", "", false},
		{"back, from where they are not", Options{Dialect: MariaDB, Version: byDefault, Collation: 45}, old, "", "", true},
		{"on", Options{Dialect: MariaDB, Version: mapping, Collation: 45}, byDefault, "''", "SET character_set_collations=''", false},
		{"on, without an answer", Options{Dialect: MariaDB, Version: mapping, Collation: 45}, byDefault, "", "", false},
	} {
		s := New(c.from, 0)
		to := c.from
		to.Version = c.to
		got, ok := s.Onto(to, c.collations)
		if ok == c.wont || !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, %v", c.name, got, ok)
		}
		// Wherever it goes from there it is what it has begun as.
		s.Moved(to, 0, nil)
		if again, ok := s.Onto(to, c.collations); c.want != "" && (!ok || again != got) {
			t.Errorf("%s, and on: %q", c.name, again)
		}
		s.newIdentity(wire.ChangeUser{Username: "u"})
		if s.origin != c.to {
			t.Errorf("%s: a session that has begun anew is of %d", c.name, s.origin)
		}
	}
}
