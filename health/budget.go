package health

// maxUnfinished is how many handshakes in a row may be left unfinished on one server of the flavor mysql: well below the
// 100 of max_connect_errors (https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html), because other
// processes on this host may probe the same server, and their handshakes count together.
const maxUnfinished = 20

// exhausted is what the operator reads when the budget is used up.
const exhausted = "mysql 20 greetings read without a login in between: no more, or the server would block this host " +
	"(ERROR 1129); set health.user, or give the backend a health URL"

// budget counts the handshakes left unfinished since the last login that Segue knows of. A login from this host makes
// the server forget them. A connect that fails is not counted, whether it is refused or times out: nobody is there, and
// if somebody was after all, the distance to 100 is great enough. Pure.
type budget struct {
	spent  int
	logins uint64 // backend.Backend.Logins when last asked
}

// allows says whether one more handshake may be left unfinished, given the number of logins so far.
func (g *budget) allows(logins uint64) bool {
	if logins != g.logins {
		g.logins, g.spent = logins, 0
	}
	return g.spent < maxUnfinished
}

// allowsDoubt says the same of one that a doubt is the reason for. Half is kept for when the server is known to be in trouble.
func (g *budget) allowsDoubt(logins uint64) bool {
	return g.allows(logins) && g.spent < maxUnfinished/2
}

// spend notes that a handshake was left unfinished.
func (g *budget) spend() { g.spent++ }
