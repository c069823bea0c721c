package simulate

import (
	"encoding/binary"
	"strconv"
	"strings"

	proto "segue/backend/wire"
)

// packets cuts a stream into packets.
type packets struct {
	b    []byte
	more uint8 // how many packets the last message had behind its first
}

func (p *packets) add(b []byte) { p.b = append(p.b, b...) }

// next takes the next message that is there whole; its payload is good until add, and seq is the sequence id of its first packet.
func (p *packets) next() (payload []byte, seq uint8, ok bool) {
	if len(p.b) < proto.HeaderLen {
		return nil, 0, false
	}
	n, seq := proto.DecodeHeader(p.b)
	if len(p.b) < proto.HeaderLen+n {
		return nil, 0, false
	}
	if p.more = 0; n == proto.MaxPayload {
		return p.long(seq)
	}
	payload = p.b[proto.HeaderLen : proto.HeaderLen+n : proto.HeaderLen+n]
	p.b = p.b[proto.HeaderLen+n:]
	return payload, seq, true
}

// value is a value of SQL.
type value struct {
	null   bool
	number bool
	text   string
}

func text(s string) value { return value{text: s} }
func number(n int) value  { return value{number: true, text: strconv.Itoa(n)} }

// same reports whether an answer shows the one as it shows the other: whether it is a number is not to be seen there.
func (v value) same(o value) bool { return v.null == o.null && v.text == o.text }

func (v value) String() string {
	if v.null {
		return "NULL"
	}
	return v.text
}

// result is what a statement comes to.
type result struct {
	err     *proto.Err
	columns []value // of which only the types count if there are no rows
	rows    [][]value
	binary  bool
	insert  uint64
	stmt    *preparation
	silent  bool // there is no answer
	warns   int
	status  proto.Status // if there is also
	flags   proto.Status // beside those of the session
	state   []byte       // session_state_changes
	also    *result      // which follows
	file    string       // that the client is asked for
	text    string       // the packet is no more than this
	opens   bool         // a cursor: the rows are asked for by and by
	fetches bool         // there are rows alone
}

// encode is the answer in packets.
func (r *result) encode(seq uint8, caps proto.Capability, status proto.Status) (b []byte) {
	for ; r.also != nil; r = r.also {
		b, seq = r.append(b, seq, caps, r.status|proto.StatusMoreResults)
	}
	b, _ = r.append(b, seq, caps, status)
	return b
}

// append adds one result.
func (r *result) append(b []byte, seq uint8, caps proto.Capability, status proto.Status) ([]byte, uint8) {
	put := func(payload []byte) { b, seq = proto.AppendPacket(b, seq, payload) }
	if status |= r.flags; len(r.state) > 0 {
		status |= proto.StatusSessionStateChanged
	}
	ok := proto.OK{Status: status, Warnings: uint16(r.warns), SessionState: r.state}
	eof := func() {
		if !caps.Has(proto.ClientDeprecateEOF) {
			put(binary.LittleEndian.AppendUint16([]byte{0xfe, byte(r.warns), 0}, uint16(status)))
		}
	}
	ends := func() {
		if eof(); caps.Has(proto.ClientDeprecateEOF) {
			ok.Header = 0xfe
			put(ok.Append(nil, caps))
		}
	}
	switch {
	case r.silent:
	case r.file != "":
		put((&proto.LocalInfileRequest{Filename: r.file}).Append(nil))
	case r.text != "":
		put([]byte(r.text))
	case r.fetches:
		for _, row := range r.rows {
			put(r.row(row))
		}
		ends()
	case r.err != nil:
		put(r.err.Append(nil))
	case r.stmt != nil:
		put((&proto.StmtPrepareOK{StatementID: r.stmt.id, NumColumns: uint16(r.stmt.columns), NumParams: uint16(r.stmt.params)}).Append(nil))
		for _, n := range [...]int{r.stmt.params, r.stmt.columns} {
			for range n {
				put(definition(value{}))
			}
			if n > 0 {
				eof()
			}
		}
	case r.columns == nil:
		ok.AffectedRows, ok.LastInsertID = 1, r.insert
		put(ok.Append(nil, caps))
	default:
		put(proto.AppendLenencInt(nil, uint64(len(r.columns))))
		for _, c := range r.columns {
			put(definition(c))
		}
		if r.opens {
			ends()
			break
		}
		eof()
		for _, row := range r.rows {
			put(r.row(row))
		}
		ends()
	}
	return b, seq
}

func (r *result) row(row []value) (b []byte) {
	if r.binary {
		b = append(b, make([]byte, 1+(len(row)+9)/8)...)
	}
	for i, v := range row {
		switch {
		case v.null && r.binary:
			b[1+(i+2)/8] |= 1 << ((i + 2) % 8)
		case v.null:
			b = append(b, 0xfb)
		default:
			b = proto.AppendLenencString(b, []byte(v.text))
		}
	}
	return b
}

func definition(v value) []byte {
	d := proto.ColumnDefinition41{Catalog: "def", Name: "c", Charset: 45, ColumnLength: 255, Type: proto.TypeVarString}
	if v.number {
		d.Type, d.Charset = proto.TypeLongLong, 63
	}
	return d.Append(nil, 0)
}

// texts reads a row; nil entries are NULL.
func texts(b []byte, columns int, bin bool) (row []value, ok bool) {
	var nulls []byte
	if bin {
		n := 1 + (columns+9)/8
		if len(b) < n || b[0] != 0 {
			return nil, false
		}
		nulls, b = b[1:n], b[n:]
	}
	for i := range columns {
		switch {
		case bin && nulls[(i+2)/8]&(1<<((i+2)%8)) != 0:
			row = append(row, value{null: true})
			continue
		case !bin && len(b) > 0 && b[0] == 0xfb:
			row, b = append(row, value{null: true}), b[1:]
			continue
		}
		n, size := proto.LenencInt(b)
		if size == 0 || uint64(len(b)-size) < n {
			return nil, false
		}
		row, b = append(row, text(string(b[size:size+int(n)]))), b[size+int(n):]
	}
	return row, len(b) == 0
}

func sqlErr(code uint16, state, message string) *result {
	return &result{err: &proto.Err{Code: code, State: state, Message: message}}
}

// holds reports whether a text of an error says any of these.
func holds(s string, any ...string) bool {
	for _, a := range any {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}
