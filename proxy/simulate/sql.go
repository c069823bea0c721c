package simulate

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	proto "segue/backend/wire"
)

// memory is what a server holds for one session.
type memory struct {
	Database string
	User     map[string]value // @x
	System   map[string]string
	Prepared map[uint32]*preparation
	Last     uint32 // id of a prepared statement
	Open     bool   // a transaction is
	Manual   bool   // autocommit=0
	writes   []string
	temps    []string
	Texts    map[string]string // by PREPARE
	catalog  string
	next     bool // the next transaction is read only
	only     bool // this one is
	locks    map[string]int
	left     leavings
	cursors  map[uint32]*openCursor
	long     map[uint32][]byte // parameters sent ahead, by statement
}

// preparation is a prepared statement.
type preparation struct {
	id              uint32
	Text            string
	params, columns int
	Bound           bool // the types of its parameters have been told
}

func newMemory() *memory {
	return &memory{User: map[string]value{}, System: map[string]string{}, Prepared: map[uint32]*preparation{}, Texts: map[string]string{}, locks: map[string]int{}, cursors: map[uint32]*openCursor{}, long: map[uint32][]byte{}}
}

// defaults are the system variables that a session has not set.
var defaults = map[string]string{
	"time_zone": "SYSTEM", "net_write_timeout": "60", "collation_connection": "utf8mb4_general_ci", "character_set_results": "utf8mb4", "lc_time_names": "en_US",
	"last_insert_id": "0", "lock_wait_timeout": "86400",
}

// clean drops comments and the limits that Segue's questions have.
func clean(s string) string {
	for {
		at := strings.Index(s, "/*")
		if at < 0 {
			break
		}
		end := strings.Index(s[at:], "*/")
		if end < 0 {
			break
		}
		s = s[:at] + " " + s[at+end+2:]
	}
	return strings.TrimSpace(s)
}

// split cuts a list at commas that stand in no quotes and no parentheses.
func split(s string, sep byte) (list []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sep && depth == 0:
			list = append(list, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(list, strings.TrimSpace(s[from:]))
}

// between returns what stands between a prefix and a suffix.
func between(s, prefix, suffix string) (string, bool) {
	if len(s) < len(prefix)+len(suffix) || !strings.HasPrefix(s, prefix) || !strings.HasSuffix(s, suffix) {
		return "", false
	}
	return s[len(prefix) : len(s)-len(suffix)], true
}

func unquote(s string) string {
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		c := s[i]
		if (c == '\\' || c == '\'') && i+1 < len(s)-1 {
			i++
			if c = s[i]; c == '0' && s[i-1] == '\\' {
				c = 0
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// eval is the value of an expression; ok is false if it is none that this server knows.
func (b *backConn) eval(s string) (v value, ok bool) {
	m := b.mem
	for _, shape := range [...][2]string{
		{"CAST(CONVERT(", " USING ascii) AS BINARY)"},
		{"CAST(CONVERT(", " USING utf8mb4) AS BINARY)"},
		{"IF(LENGTH(", " AS BINARY))"},
		{"CAST(", " AS UNSIGNED)"},
		{"CAST(", " AS DECIMAL(65,0))"},
	} {
		in, is := between(s, shape[0], shape[1])
		if !is {
			continue
		}
		if shape[0] == "IF(LENGTH(" {
			in = in[strings.LastIndex(in, "CAST(")+len("CAST("):]
		}
		v, ok = b.eval(in)
		return v, ok
	}
	for _, f := range [...]string{"LENGTH(", "CHARSET(", "COLLATION(", "SLEEP(", "unhex("} {
		in, is := between(s, f, ")")
		if !is {
			continue
		}
		if v, ok = b.eval(in); !ok || v.null && f == "LENGTH(" {
			return v, ok
		}
		switch f {
		case "LENGTH(":
			return number(len(v.text)), true
		case "CHARSET(":
			return text("utf8mb4"), true
		case "COLLATION(":
			return text("utf8mb4_general_ci"), true
		case "SLEEP(":
			return number(0), true
		default:
			raw, err := hex.DecodeString(v.text)
			return text(string(raw)), err == nil
		}
	}
	if v, ok, is := b.evalMore(s); is {
		return v, ok
	}
	if at := strings.Index(s, " + "); at > 0 && s[0] == '@' {
		x, known := b.eval(s[:at])
		n, _ := strconv.Atoi(x.text)
		more, err := strconv.Atoi(s[at+3:])
		if !known || err != nil {
			return v, false
		}
		if x.null {
			return x, true
		}
		return number(n + more), true
	}
	if at := strings.Index(s, " COLLATE "); at > 0 {
		s = s[:at]
	}
	for _, f := range [...]string{"LENGTH(", "MD5(", "CHARSET(", "COLLATION("} { // by which Segue tells two values from each other
		if of, is := between(s, f, ")"); is {
			v, known := b.eval(of)
			return value{null: v.null, text: f + v.text}, known
		}
	}
	switch {
	case s == "NULL", s == "NULL+0e0", strings.HasPrefix(s, "CAST(NULL AS "), strings.HasPrefix(s, "CONVERT(NULL USING "):
		return value{null: true}, true
	case s == "?" && b.param != value{}:
		return b.param, true
	case s == "?":
		return value{null: true}, true
	case s == "DATABASE()":
		return value{null: m.Database == "", text: m.Database}, true
	case s == "CONNECTION_ID()":
		return number(int(b.thread)), true
	case s == "LAST_INSERT_ID()" || s == "@@last_insert_id":
		n, _ := strconv.Atoi(b.system("last_insert_id"))
		return number(n), true
	case s == "@@in_transaction":
		if m.Open {
			return number(1), true
		}
		return number(0), true
	case s == "@@manual":
		if m.Manual {
			return number(1), true
		}
		return number(0), true
	case s == "@@temps":
		return number(len(m.temps)), true
	case s == "@@hostname":
		return text(b.s.name), true
	case s == "@@wait_timeout" && b.s.w.plays(Idling):
		return number(waitTimeout), true
	case strings.HasPrefix(s, "@@"):
		name := strings.TrimPrefix(strings.TrimPrefix(s, "@@"), "session.")
		x := b.system(name)
		_, err := strconv.Atoi(x)
		return value{text: x, number: err == nil}, true
	case strings.HasPrefix(s, "@"):
		x, set := m.User[s]
		if !set {
			x = value{null: true}
		}
		return x, true
	case len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'':
		return text(unquote(s)), true
	}
	if h, is := between(s, "_utf8mb4 X'", "'"); is {
		raw, err := hex.DecodeString(h)
		return text(string(raw)), err == nil
	}
	if h, is := between(s, "_binary X'", "'"); is {
		raw, err := hex.DecodeString(h)
		return text(string(raw)), err == nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		return number(n), true
	}
	return text(s), s != "" && !strings.ContainsAny(s, " ()@'") // a bare word
}

func (b *backConn) system(name string) string {
	if v, set := b.mem.System[name]; set {
		return v
	}
	return defaults[name]
}

// query runs a text.
func (b *backConn) query(s string) *result {
	var first, last *result
	for _, one := range split(clean(s), ';') {
		if one == "" {
			continue
		}
		r := b.statement(one)
		if r.status = b.status(); last == nil {
			first = r
		} else {
			last.also = r
		}
		if last = r; r.err != nil {
			return first
		}
	}
	if first == nil {
		first = &result{}
	}
	return first
}

// statement runs one, and sees to what that leaves behind.
func (b *backConn) statement(s string) *result {
	r := b.run1(s)
	b.leaves(s, r)
	b.tells(r)
	return r
}

func (b *backConn) run1(s string) *result {
	m := b.mem
	switch word, rest, _ := strings.Cut(s, " "); strings.ToUpper(word) {
	case "SELECT":
		return b.query1(strings.TrimSpace(rest))
	case "INSERT":
		return b.insert(rest)
	case "SET":
		if states, is := between(rest, "SESSION_STATES '", "'"); is {
			return b.restore(states)
		}
		if _, names, is := strings.Cut(rest, "STATEMENT max_statement_time=5 FOR "); is {
			return b.statement(names)
		}
		if rest == setReadOnly {
			return b.setReadOnly()
		}
		if catalog, is := strings.CutPrefix(rest, "CATALOG "); is {
			m.catalog, m.Database = strings.Trim(catalog, "`"), ""
			return &result{}
		}
		return b.set(rest)
	case "USE":
		m.uses(strings.ReplaceAll(rest, "`", ""))
		b.tellsSchema()
		return &result{}
	case "BEGIN", "START":
		b.commit()
		m.begins()
		return &result{}
	case "COMMIT":
		b.commit()
		return &result{}
	case "ROLLBACK":
		m.writes, m.Open, m.only = nil, false, false
		return &result{}
	case "SYNC", "DO":
		return &result{}
	case "CREATE":
		m.temps = []string{rest}
		return &result{}
	case "DROP":
		m.temps = nil
		return &result{}
	case "SHOW":
		switch {
		case rest == "SESSION_STATES" && b.s.kind == TiDB:
			return b.states()
		case rest == "WARNINGS":
			return b.warnings()
		}
		return &result{columns: []value{{}, {}, {}}}
	case "KILL":
		return b.kill(rest)
	case "PREPARE":
		return b.prepareText(rest)
	case "DEALLOCATE":
		delete(m.Texts, strings.TrimPrefix(rest, "PREPARE "))
		return &result{}
	case "EXECUTE":
		if !strings.HasPrefix(rest, "AS ") {
			return b.executeText(rest)
		}
		return b.become(rest)
	case "LOAD":
		return b.load(rest)
	}
	b.s.w.fail("%s is sent what no client says: %q", b.s.name, s)
	return sqlErr(1064, "42000", "syntax")
}

// query1 is a SELECT.
func (b *backConn) query1(s string) *result {
	if what, into, is := strings.Cut(s, " INTO "); is {
		v, ok := b.eval(what)
		if !ok {
			return sqlErr(1054, "42S22", "unknown: "+s)
		}
		b.mem.User[into] = v
		return &result{}
	}
	if strings.Contains(s, "FROM information_schema.TABLES WHERE TABLE_TYPE='VIEW'") { // of which there are none
		one, _ := b.eval("1")
		return &result{columns: []value{one}}
	}
	if columns := catalogColumns(s); columns > 0 { // of which there are no rows
		one, _ := b.eval("1")
		return &result{columns: slices.Repeat([]value{one}, columns)}
	}
	if strings.Contains(s, "FROM performance_schema.user_variables_by_thread") {
		return b.variables()
	}
	rows := 1
	if at := strings.LastIndex(s, " LIMIT "); at >= 0 {
		rows, _ = strconv.Atoi(s[at+len(" LIMIT "):])
		s = s[:at]
	}
	if at := strings.LastIndex(s, " FROM rows"); at >= 0 {
		found, _ := strconv.Atoi(s[at+len(" FROM rows"):])
		if rows = found; strings.HasPrefix(s, calcFound) {
			rows = 1
			defer func() { b.mem.left.found = found }()
		}
		s = s[:at]
	}
	s = strings.TrimPrefix(s, calcFound)
	r := &result{columns: []value{}}
	for _, c := range split(s, ',') {
		v, ok := b.eval(c)
		if !ok {
			return sqlErr(1054, "42S22", "unknown: "+s)
		}
		r.columns = append(r.columns, v)
	}
	if len(r.columns) > 0 {
		if t := r.columns[0].text; strings.HasPrefix(t, "q") {
			b.s.w.store.ran(t)
		}
	}
	for range rows {
		r.rows = append(r.rows, r.columns)
	}
	return r
}

func (b *backConn) insert(s string) *result {
	tag, ok := between(s[strings.IndexByte(s, '('):], "('", "')")
	if !ok {
		return sqlErr(1064, "42000", "insert what")
	}
	if b.mem.Manual && !b.mem.Open {
		b.mem.begins()
	}
	if b.mem.refuses() {
		return sqlErr(1792, "25006", "Cannot execute statement in a READ ONLY transaction.")
	}
	if n := b.s.w.store.ran(tag); n > 1 {
		b.s.w.fail("%s: the write %s is executed %d times", b.s.name, tag, n)
	}
	b.mem.writes = append(b.mem.writes, tag)
	if !b.mem.Open {
		b.commit()
	}
	r := &result{}
	if strings.HasPrefix(s, "INTO warn") {
		r.warns = 1
	}
	if strings.HasPrefix(s, "INTO auto") {
		b.s.w.store.ids++
		r.insert = b.s.w.store.ids
		b.mem.System["last_insert_id"] = strconv.FormatUint(r.insert, 10)
	}
	return r
}

// commit makes last what has been written.
func (b *backConn) commit() {
	for _, tag := range b.mem.writes {
		b.s.w.store.committed[tag] = true
	}
	b.mem.writes, b.mem.Open, b.mem.only = nil, false, false
}

func (b *backConn) set(s string) *result {
	for _, item := range split(s, ',') {
		if strings.HasPrefix(item, "NAMES") {
			continue
		}
		name, expr, ok := strings.Cut(item, "=")
		if !ok {
			b.s.w.fail("%s is to SET %q", b.s.name, s)
			return sqlErr(1064, "42000", "set what")
		}
		name, expr = strings.TrimSpace(name), strings.TrimSpace(expr)
		v, ok := b.eval(expr)
		if !ok {
			b.s.w.fail("%s is to SET %q to what it cannot read: %q", b.s.name, name, expr)
			return sqlErr(1064, "42000", "set to what")
		}
		name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "@@"), "session."), "SESSION ")
		switch {
		case strings.HasPrefix(name, "@"):
			b.mem.User[name] = v
		case name == "autocommit" && expr == "@@session.autocommit":
			b.tellsAutocommit()
		case name == "autocommit":
			if b.mem.Manual = v.text == "0" || v.text == "OFF"; !b.mem.Manual {
				b.commit()
			}
		default:
			b.assigns(name, v.text)
		}
	}
	return &result{}
}

// prepare is COM_STMT_PREPARE.
func (b *backConn) prepare(s string) *result {
	m := b.mem
	m.Last++
	p := &preparation{id: m.Last, Text: s, params: strings.Count(s, "?")}
	if after, ok := strings.CutPrefix(s, "SELECT "); ok {
		p.columns = len(split(after, ','))
	}
	m.Prepared[p.id] = p
	return &result{stmt: p}
}

// execute is COM_STMT_EXECUTE.
func (b *backConn) execute(id uint32, body []byte) *result {
	p := b.mem.Prepared[id]
	if p == nil {
		return sqlErr(1243, "HY000", "Unknown prepared statement handler ("+strconv.Itoa(int(id))+") given to EXECUTE")
	}
	b.param = b.bind(p, body)
	b.mem.forget(id)
	r := b.query(p.Text)
	if b.param, r.binary = (value{}), true; body[4] == 1 {
		b.open(id, r)
	}
	return r
}

// account is what SHOW SESSION_STATES tells. It is written so that no rule bears on how it is read.
type account struct {
	Memory memory
	Texts  map[string]string
}

func (b *backConn) states() *result {
	m := *b.mem
	a := account{Memory: m, Texts: map[string]string{}}
	a.Memory.User = nil
	for k, v := range m.User {
		kind := "s"
		switch {
		case v.null:
			kind = "0"
		case v.number:
			kind = "n"
		}
		a.Texts[k] = kind + v.text
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return sqlErr(1105, "HY000", err.Error())
	}
	if m.Open {
		return sqlErr(8146, "HY000", "cannot migrate: in a transaction")
	}
	row := []value{text(hex.EncodeToString(raw)), {null: true}}
	if b.s.w.tokens {
		row[1] = text("token of " + b.user)
	}
	return &result{columns: []value{{}, {}}, rows: [][]value{row}}
}

func (b *backConn) restore(s string) *result {
	var a account
	raw, err := hex.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		b.s.w.fail("%s is given a session's states that are broken: %v", b.s.name, err)
		return sqlErr(1105, "HY000", "broken states")
	}
	m := a.Memory
	b.mem = newMemory()
	b.mem.Database, b.mem.Last, b.mem.Manual = m.Database, m.Last, m.Manual
	maps.Copy(b.mem.System, m.System)
	maps.Copy(b.mem.Texts, m.Texts)
	for id, p := range m.Prepared {
		b.mem.Prepared[id] = &preparation{id: id, Text: p.Text, params: strings.Count(p.Text, "?"), Bound: p.Bound}
	}
	for k, v := range a.Texts {
		switch v[0] {
		case '0':
			b.mem.User[k] = value{null: true}
		case 'n':
			b.mem.User[k] = value{number: true, text: v[1:]}
		default:
			b.mem.User[k] = text(v[1:])
		}
	}
	return &result{}
}

// store is what all servers of the cluster share.
type store struct {
	runs      map[string]int
	committed map[string]bool
	ids       uint64
}

// ran counts that a statement has been executed.
func (s *store) ran(tag string) int {
	s.runs[tag]++
	return s.runs[tag]
}

// status are the flags that a server shows.
func (b *backConn) status() (st proto.Status) {
	if b.s.kind == StarRocks {
		return 0
	}
	if !b.mem.Manual {
		st |= proto.StatusAutocommit
	}
	if b.mem.Open {
		st |= proto.StatusInTrans
	}
	return st
}
