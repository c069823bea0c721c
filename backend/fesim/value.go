package fesim

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"segue/backend/wire"
)

// value is an SQL value: nil (NULL), int64, float64 or string.
type value any

// text returns a value as it stands in a text result; "" for NULL.
func text(v value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	}
	panic(fmt.Sprintf("fesim: value of type %T", v))
}

// number returns a value as a number, as MySQL converts it: a string counts up to its first character that is not part of one.
func number(v value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case string:
		s := strings.TrimSpace(v)
		for n := len(s); n > 0; n-- {
			if f, err := strconv.ParseFloat(s[:n], 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
				return f
			}
		}
	}
	return 0
}

func boolean(b bool) value {
	if b {
		return int64(1)
	}
	return int64(0)
}

func truth(v value) bool { return v != nil && number(v) != 0 }

// compare orders two values that are not NULL: as text if both are text, otherwise as numbers.
func compare(a, b value) int {
	as, aok := a.(string)
	bs, bok := b.(string)
	if aok && bok {
		return strings.Compare(strings.ToLower(as), strings.ToLower(bs))
	}
	switch x, y := number(a), number(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// like matches s against an SQL pattern, without regard to case.
func like(s, pattern string) bool {
	return likeFold(strings.ToLower(s), strings.ToLower(pattern))
}

func likeFold(s, p string) bool {
	for len(p) > 0 {
		switch c := p[0]; {
		case c == '%':
			for i := 0; i <= len(s); i++ {
				if likeFold(s[i:], p[1:]) {
					return true
				}
			}
			return false
		case len(s) == 0:
			return false
		case c == '\\' && len(p) > 1:
			if s[0] != p[1] {
				return false
			}
			p = p[1:]
		case c != '_' && c != s[0]:
			return false
		}
		s, p = s[1:], p[1:]
	}
	return len(s) == 0
}

// Character sets, as collation ids.
const (
	charsetUTF8   = 33
	charsetBinary = 63
)

// column is a column of a result.
type column struct {
	name  string
	typ   wire.FieldType
	table string // its table's name or alias, in a query
}

// columnFor returns the column that v is sent in.
func columnFor(name string, v value) column {
	switch v.(type) {
	case int64:
		return column{name: name, typ: wire.TypeLongLong}
	case float64:
		return column{name: name, typ: wire.TypeDouble}
	}
	return column{name: name, typ: wire.TypeVarString}
}

func (c column) definition() *wire.ColumnDefinition41 {
	def := &wire.ColumnDefinition41{Catalog: "def", Name: c.name, OrgName: c.name, Table: c.table, OrgTable: c.table, Type: c.typ, Charset: charsetBinary}
	switch c.typ {
	case wire.TypeLongLong:
		def.ColumnLength = 20
	case wire.TypeDouble:
		def.ColumnLength, def.Decimals = 22, 31
	default:
		def.Charset, def.ColumnLength = charsetUTF8, 65535*3
	}
	return def
}

// appendTextRow appends a row of a text result set.
func appendTextRow(dst []byte, row []value) []byte {
	for _, v := range row {
		if v == nil {
			dst = append(dst, 0xfb)
			continue
		}
		dst = wire.AppendLenencString(dst, text(v))
	}
	return dst
}

// appendBinaryRow appends a row of a binary result set.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
func appendBinaryRow(dst []byte, columns []column, row []value) []byte {
	const firstNullBit = 2
	dst = append(dst, 0)
	nulls := len(dst)
	dst = append(dst, make([]byte, (len(row)+firstNullBit+7)/8)...)
	for i, v := range row {
		if v == nil {
			bit := i + firstNullBit
			dst[nulls+bit/8] |= 1 << (bit % 8)
			continue
		}
		switch columns[i].typ {
		case wire.TypeLongLong:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(int64(number(v))))
		case wire.TypeDouble:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(number(v)))
		default:
			dst = wire.AppendLenencString(dst, text(v))
		}
	}
	return dst
}
