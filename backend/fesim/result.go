package fesim

import (
	"context"
	"iter"
	"time"

	"segue/backend/wire"
)

// result is what a statement gives: rows if it has columns, otherwise an OK.
type result struct {
	columns  []column
	rows     iter.Seq[[]value]
	pause    time.Duration // between two rows
	affected uint64
}

// table is a result of text columns only.
func table(names []string, rows ...[]value) *result {
	r := &result{rows: func(yield func([]value) bool) {
		for _, row := range rows {
			if !yield(row) {
				return
			}
		}
	}}
	for _, name := range names {
		r.columns = append(r.columns, column{name: name, typ: wire.TypeVarString})
	}
	return r
}

// send sends a result: always with classic EOF packets, since the capabilities of the greeting are what counts, not the client's.
func (s *session) send(ctx context.Context, r *result, more wire.Status, binary bool) error {
	if r.columns == nil {
		return s.ok(r.affected, more)
	}
	if err := s.packet(wire.AppendLenencInt(nil, uint64(len(r.columns)))); err != nil {
		return err
	}
	eof := (&wire.EOF{Status: s.status() | more}).Append(nil)
	if err := s.definitions(r.columns, eof); err != nil {
		return err
	}
	var payload []byte
	first := true
	for row := range r.rows {
		if r.pause > 0 && !first {
			if err := s.flush(); err != nil {
				return err
			}
			if err := s.sleep(ctx, r.pause); err != nil {
				return err
			}
		}
		first = false
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if binary {
			payload = appendBinaryRow(payload[:0], r.columns, row)
		} else {
			payload = appendTextRow(payload[:0], row)
		}
		if err := s.packet(payload); err != nil {
			return err
		}
	}
	return s.packet(eof)
}

// definitions sends column definitions and the EOF_Packet behind them.
func (s *session) definitions(columns []column, eof []byte) error {
	for _, c := range columns {
		if err := s.packet(c.definition().Append(nil, 0)); err != nil {
			return err
		}
	}
	return s.packet(eof)
}
