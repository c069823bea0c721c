package main

import (
	"bytes"

	"segue/backend/wire"
)

// workload is one statement and its answer.
type workload struct {
	name      string
	statement []byte // a packet, by which the server knows it
	answer    answer
}

// answer is what the server says to a statement: head, then body so many times, then tail. A long one is not held in memory.
type answer struct {
	head, body, tail []byte
	times            int
}

// size is its length in bytes.
func (a *answer) size() int { return len(a.head) + a.times*len(a.body) + len(a.tail) }

// from is the next piece of it, from an offset below its size.
func (a *answer) from(offset int) []byte {
	if offset < len(a.head) {
		return a.head[offset:]
	}
	offset -= len(a.head)
	if offset < a.times*len(a.body) {
		return a.body[offset%len(a.body):]
	}
	return a.tail[offset-a.times*len(a.body):]
}

const (
	preparedID = 1
	columns    = 1
)

var (
	eof = []byte{0xfe, 0, 0, 2, 0}
	ok  = []byte{0, 0, 0, 2, 0, 0, 0}
)

// workloads are those that are measured. The small ones are one row of one column, what a look-up by key gives.
func workloads() []workload {
	const row, kilobyte = 100, 1000
	return []workload{
		{"small", query("SELECT c FROM sbtest1 WHERE id=5012"), rows([][]byte{textRow(120)})},
		{"prepared", execute(), rows([][]byte{binaryRow(120)})},
		{"rows", query("SELECT c FROM sbtest1 WHERE id BETWEEN 5012 AND 5111"), rows(repeat(textRow(row), 100))},
		{"bulk", query("SELECT c FROM sbtest1"), long(textRow(kilobyte), 64<<20)},
	}
}

// query is a COM_QUERY.
func query(text string) []byte { return packet(0, append([]byte{byte(wire.ComQuery)}, text...)) }

// prepare is the COM_STMT_PREPARE of the one prepared statement there is.
func prepare() []byte {
	return packet(0, append([]byte{byte(wire.ComStmtPrepare)}, "SELECT c FROM sbtest1 WHERE id=?"...))
}

// execute is a COM_STMT_EXECUTE of the prepared statement, with one integer parameter.
func execute() []byte {
	return packet(0, []byte{
		byte(wire.ComStmtExecute), preparedID, 0, 0, 0, 0, 1, 0, 0, 0, // flags, iteration count
		0, 1, 8, 0, // no NULL, types follow: LONGLONG
		0x94, 0x13, 0, 0, 0, 0, 0, 0,
	})
}

func packet(seq uint8, payload []byte) []byte {
	b, _ := wire.AppendPacket(nil, seq, payload)
	return b
}

func repeat(b []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// textRow is a row of the text protocol whose packet has n bytes.
func textRow(n int) []byte {
	return wire.AppendLenencString(nil, bytes.Repeat([]byte{'x'}, n-wire.HeaderLen-lengthOf(n)))
}

// lengthOf is how many bytes the length of a string of about n bytes takes.
func lengthOf(n int) int { return len(wire.AppendLenencInt(nil, uint64(n))) }

// binaryRow is one of the binary protocol.
func binaryRow(n int) []byte {
	return append([]byte{0, 0}, textRow(n-2)...) // header, no NULL
}

// definition is a column's.
func definition() []byte {
	c := wire.ColumnDefinition41{Catalog: "def", Schema: "sbtest", Table: "sbtest1", OrgTable: "sbtest1", Name: "c", OrgName: "c", Charset: 45, ColumnLength: 480, Type: wire.TypeString}
	return c.Append(nil, 0)
}

// rows is a result set.
func rows(all [][]byte) answer {
	b, seq := wire.AppendPacket(nil, 1, []byte{columns})
	for _, p := range append([][]byte{definition(), eof}, all...) {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	b, _ = wire.AppendPacket(b, seq, eof)
	return answer{head: b}
}

// long is a result set of at least n bytes of equal rows. Its body has so many rows that sequence ids, which are one byte, repeat with it.
func long(row []byte, n int) answer {
	b, seq := wire.AppendPacket(nil, 1, []byte{columns})
	for _, p := range [][]byte{definition(), eof} {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	a := answer{head: b}
	for range 4 * 256 {
		a.body, seq = wire.AppendPacket(a.body, seq, row)
	}
	a.times = (n + len(a.body) - 1) / len(a.body)
	a.tail, _ = wire.AppendPacket(nil, seq, eof)
	return a
}

// preparation is the answer to COM_STMT_PREPARE: one parameter, one column.
func preparation() []byte {
	b, seq := wire.AppendPacket(nil, 1, []byte{0, preparedID, 0, 0, 0, columns, 0, 1, 0, 0, 0, 0})
	for _, p := range [][]byte{definition(), eof, definition(), eof} {
		b, seq = wire.AppendPacket(b, seq, p)
	}
	return b
}
