package wire

import "encoding/binary"

// Protocol::LengthEncodedInteger and Protocol::LengthEncodedString.
//
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_strings.html

// AppendLenencInt appends v in its shortest form: 1, 3, 4 or 9 bytes.
func AppendLenencInt(dst []byte, v uint64) []byte {
	switch {
	case v < 0xfb:
		return append(dst, byte(v))
	case v < 1<<16:
		return append(dst, 0xfc, byte(v), byte(v>>8))
	case v < 1<<24:
		return append(dst, 0xfd, byte(v), byte(v>>8), byte(v>>16))
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0xfe), v)
}

// LenencInt reads a length-encoded integer from the start of b. n is the number of bytes it takes, 0 if b does not
// start with a whole one; 0xfb (NULL in a row) and 0xff start none.
func LenencInt(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	switch {
	case b[0] < 0xfb:
		return uint64(b[0]), 1
	case b[0] == 0xfc && len(b) >= 3:
		return uint64(b[1]) | uint64(b[2])<<8, 3
	case b[0] == 0xfd && len(b) >= 4:
		return uint64(b[1]) | uint64(b[2])<<8 | uint64(b[3])<<16, 4
	case b[0] == 0xfe && len(b) >= 9:
		return binary.LittleEndian.Uint64(b[1:]), 9
	}
	return 0, 0
}

// AppendLenencString appends s with its length in front.
func AppendLenencString[S []byte | string](dst []byte, s S) []byte {
	return append(AppendLenencInt(dst, uint64(len(s))), s...)
}

// LenencString reads a length-encoded string from the start of b. s is a part of b, not a copy. n is the number of
// bytes that length and string take together, 0 if b does not hold all of them.
func LenencString(b []byte) (s []byte, n int) {
	size, n := LenencInt(b)
	if n == 0 || size > uint64(len(b)-n) {
		return nil, 0
	}
	end := n + int(size)
	return b[n:end], end
}
