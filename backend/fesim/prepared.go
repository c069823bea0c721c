package fesim

import (
	"context"
	"encoding/binary"
	"strconv"

	"segue/backend/wire"
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
	columns, err := p.stmt.describe(&env{s: s, ctx: s.life.ctx})
	if err != nil {
		return s.err(err)
	}
	id := s.life.nextStatementID()
	s.state.prepared[strconv.FormatUint(uint64(id), 10)] = p
	ok := wire.StmtPrepareOK{StatementID: id, NumColumns: uint16(len(columns)), NumParams: uint16(p.stmt.params)}
	if s.packet(ok.Append(nil)) != nil {
		return false
	}
	eof := (&wire.EOF{Status: s.status()}).Append(nil)
	params := make([]column, p.stmt.params)
	for i := range params {
		params[i] = column{name: "?", typ: wire.TypeVarString}
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
