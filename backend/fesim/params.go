package fesim

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"segue/backend/wire"
)

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
	default: // all others are sent as strings
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
