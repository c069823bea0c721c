package track

import "strconv"

// A session is what it is by its server's release as well. From 11.2 on MariaDB has character_set_collations, which says what collation a character set has
// that is named without one: at the login, in SET NAMES, in a literal behind _utf8mb4. From 11.5 on that is another one than it always was,
// unless the server is told otherwise. And later releases know collations of a client's that older ones have not heard of.

const (
	mapsCollations = 110200 // from which release on MariaDB has character_set_collations
	mapsByDefault  = 110500 // … which is not empty

	mysqlsCollation  = 255 // utf8mb4_0900_ai_ci, which clients made for MySQL 8 name
	knowsMySQLs      = 110405
	knowsMySQLsAgain = 110701
)

// MapsCollations reports whether the session's server is to be asked for its character_set_collations before it leaves: the session began on a release
// that has it.
func (s *State) MapsCollations() bool { return s.dialect == MariaDB && s.origin >= mapsCollations }

// Onto gives the statement that makes of a session which has just been logged in on a server of o what it would have been on the one on which this
// session began, "" for none. collations is the literal of what MapsCollations asks for, "" if the answer is not known. ok: there is such a
// statement, or none is needed.
func (s *State) Onto(o Options, collations string) (statement string, ok bool) {
	from, to := s.origin, o.Version
	switch {
	case s.dialect != MariaDB || o.Dialect != MariaDB || from == 0 || to == 0:
		return "", true
	case to < mapsCollations:
		return "", from < mapsCollations || collations == "''" || collations == "" && from < mapsByDefault
	case from >= mapsCollations && collations == "":
		return "", true
	case from >= mapsCollations:
		return "SET character_set_collations=" + collations, true
	case s.charset == mysqlsCollation && !knowsMySQLsCollation(from): // then it is as if the client had named none
		return "SET character_set_collations='', character_set_client=@@global.character_set_client, " +
			"character_set_results=@@global.character_set_results, collation_connection=@@global.collation_connection", true
	}
	return "SET character_set_collations='', collation_connection=" +
		"IFNULL((SELECT COLLATION_NAME FROM information_schema.COLLATIONS WHERE ID=" + strconv.Itoa(int(s.charset)) + "), @@collation_connection)", true
}

func knowsMySQLsCollation(release uint32) bool {
	return release >= knowsMySQLsAgain || release >= knowsMySQLs && release < mapsByDefault
}
