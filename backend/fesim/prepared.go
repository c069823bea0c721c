package fesim

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"segue/proxy/wire"
)

// prepared is a prepared statement; COM_STMT_PREPARE and PREPARE share one store, where the first has its id for a name.
type prepared struct {
	stmt  *statement
	types []paramType // of the last execution that sent them
}

type paramType struct {
	typ      wire.FieldType
	unsigned bool
}

var errNotPreparable = &wire.Err{Code: 1295, State: "HY000", Message: "This command is not supported in the prepared statement protocol yet"}

// prepare parses a statement that may be prepared: one SELECT.
func prepare(text string) (*prepared, error) {
	stmts, err := parse(text)
	if err != nil {
		return nil, err
	}
	if len(stmts) != 1 || !stmts[0].isSelect {
		return nil, errNotPreparable
	}
	return &prepared{stmt: stmts[0]}, nil
}

func notFound(name string) *wire.Err {
	return fail("msg: Not Found prepared statement, stmtName: %s", name)
}

// stmtPrepare is COM_STMT_PREPARE.
func (s *session) stmtPrepare(text string) bool {
	s.last = &statement{} // a PrepareStmt is no SELECT: a leaving FE closes the session after it
	p, err := prepare(text)
	if err != nil {
		return s.err(err)
	}
	id := s.life.nextStatementID()
	s.state.prepared[strconv.FormatUint(uint64(id), 10)] = p
	ok := wire.StmtPrepareOK{StatementID: id, NumColumns: uint16(len(p.stmt.columns)), NumParams: uint16(p.stmt.params)}
	if s.packet(ok.Append(nil)) != nil {
		return false
	}
	eof := (&wire.EOF{Status: s.status()}).Append(nil)
	params := make([]column, p.stmt.params)
	for i := range params {
		params[i] = column{"?", wire.TypeVarString}
	}
	columns := make([]column, len(p.stmt.columns))
	for i, name := range p.stmt.columns {
		columns[i] = column{name, wire.TypeVarString}
	}
	for _, block := range [][]column{params, columns} {
		if len(block) > 0 && s.definitions(block, eof) != nil {
			return false
		}
	}
	return true
}

// stmtExecute is COM_STMT_EXECUTE. Cursors are not supported: the flags do not matter.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html
func (s *session) stmtExecute(ctx context.Context, rest []byte) bool {
	s.last = &statement{}
	const fixed = 4 + 1 + 4 // id, flags, iteration count
	if len(rest) < fixed {
		return s.err(fail("COM_STMT_EXECUTE is cut short"))
	}
	name := strconv.FormatUint(uint64(binary.LittleEndian.Uint32(rest)), 10)
	p, ok := s.state.prepared[name]
	if !ok {
		return s.err(notFound(name))
	}
	params, err := p.decode(rest[fixed:])
	if err != nil {
		return s.err(err)
	}
	return s.execute(ctx, p.stmt, &env{s: s, ctx: ctx, params: params}, 0, true)
}

func (s *session) stmtClose(rest []byte) {
	if len(rest) >= 4 {
		delete(s.state.prepared, strconv.FormatUint(uint64(binary.LittleEndian.Uint32(rest)), 10))
	}
}

// decode reads the parameters: NULL bitmap, types unless they are those of the execution before, values.
func (p *prepared) decode(b []byte) ([]value, error) {
	n := p.stmt.params
	if n == 0 {
		return nil, nil
	}
	short := fail("COM_STMT_EXECUTE is cut short")
	bitmap := (n + 7) / 8
	if len(b) < bitmap+1 {
		return nil, short
	}
	nulls, bound := b[:bitmap], b[bitmap] == 1
	b = b[bitmap+1:]
	if bound {
		if len(b) < 2*n {
			return nil, short
		}
		p.types = make([]paramType, n)
		for i := range p.types {
			p.types[i] = paramType{wire.FieldType(b[2*i]), b[2*i+1]&0x80 != 0}
		}
		b = b[2*n:]
	}
	if len(p.types) != n {
		return nil, fail("COM_STMT_EXECUTE without parameter types")
	}
	params := make([]value, n)
	for i, t := range p.types {
		if nulls[i/8]&(1<<(i%8)) != 0 || t.typ == wire.TypeNull {
			continue
		}
		v, size := t.decode(b)
		if size < 0 {
			return nil, short
		}
		params[i], b = v, b[size:]
	}
	return params, nil
}

// decode reads one value; size is -1 if b is too short.
func (t paramType) decode(b []byte) (v value, size int) {
	switch t.typ {
	case wire.TypeTiny:
		return t.integer(b, 1)
	case wire.TypeShort, wire.TypeYear:
		return t.integer(b, 2)
	case wire.TypeLong, wire.TypeInt24:
		return t.integer(b, 4)
	case wire.TypeLongLong:
		return t.integer(b, 8)
	case wire.TypeFloat:
		if len(b) < 4 {
			return nil, -1
		}
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 4
	case wire.TypeDouble:
		if len(b) < 8 {
			return nil, -1
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), 8
	case wire.TypeDate, wire.TypeDatetime, wire.TypeTimestamp, wire.TypeTime:
		return t.temporal(b)
	}
	s, n := wire.LenencString(b)
	if n == 0 {
		return nil, -1
	}
	return string(s), n
}

func (t paramType) integer(b []byte, size int) (value, int) {
	if len(b) < size {
		return nil, -1
	}
	var u uint64
	for i := size - 1; i >= 0; i-- {
		u = u<<8 | uint64(b[i])
	}
	if t.unsigned {
		if u > math.MaxInt64 {
			return strconv.FormatUint(u, 10), size
		}
		return int64(u), size
	}
	shift := 64 - 8*size
	return int64(u<<shift) >> shift, size
}

// temporal reads a date, a time or both, as text.
func (t paramType) temporal(b []byte) (value, int) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, -1
	}
	n := int(b[0])
	f := append(append([]byte(nil), b[1:1+n]...), make([]byte, 12)...) // what is left out is zero
	if t.typ == wire.TypeTime {
		sign := ""
		if f[0] == 1 {
			sign = "-"
		}
		hours := int(binary.LittleEndian.Uint32(f[1:]))*24 + int(f[5])
		return fraction(fmt.Sprintf("%s%02d:%02d:%02d", sign, hours, f[6], f[7]), binary.LittleEndian.Uint32(f[8:]), n > 8), 1 + n
	}
	date := fmt.Sprintf("%04d-%02d-%02d", binary.LittleEndian.Uint16(f), f[2], f[3])
	if t.typ == wire.TypeDate {
		return date, 1 + n
	}
	return fraction(fmt.Sprintf("%s %02d:%02d:%02d", date, f[4], f[5], f[6]), binary.LittleEndian.Uint32(f[7:]), n > 7), 1 + n
}

func fraction(s string, micros uint32, has bool) string {
	if !has {
		return s
	}
	return s + fmt.Sprintf(".%06d", time.Duration(micros))
}

// prepareStatement parses PREPARE name FROM 'text' (or FROM @variable).
func (p *parser) prepareStatement(stmt *statement) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.expectWord("from"); err != nil {
		return err
	}
	source, err := p.primary()
	stmt.run = done(func(e *env) error {
		v, err := source(e)
		if err != nil {
			return err
		}
		made, err := prepare(text(v))
		if err != nil {
			return err
		}
		e.s.state.prepared[strings.ToLower(name)] = made
		return nil
	})
	return err
}

// executeStatement parses EXECUTE name [USING @a, @b].
func (p *parser) executeStatement(stmt *statement) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	var using []string
	if p.word("using") {
		for {
			t := p.next()
			if t.kind != userVar {
				p.at--
				return p.unexpected()
			}
			using = append(using, t.text)
			if !p.symbol(",") {
				break
			}
		}
	}
	stmt.run = func(e *env) (*result, error) {
		made, ok := e.s.state.prepared[strings.ToLower(name)]
		if !ok {
			return nil, notFound(name)
		}
		params := make([]value, len(using))
		for i, v := range using {
			params[i] = e.s.state.userVars[v]
		}
		return made.stmt.run(&env{s: e.s, ctx: e.ctx, params: params})
	}
	return nil
}

func (p *parser) deallocateStatement(stmt *statement) error {
	name, err := p.name()
	stmt.run = done(func(e *env) error {
		key := strings.ToLower(name)
		if e.s.state.prepared[key] == nil {
			return notFound(name)
		}
		delete(e.s.state.prepared, key)
		return nil
	})
	return err
}
