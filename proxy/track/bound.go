package track

import (
	"encoding/hex"
	"slices"

	"segue/backend/wire"
)

// boundBy is v for an execution with parameters: the lock that the first of them names. body is the COM_STMT_EXECUTE, as much of it as is
// there; what cannot be read in it takes a lock that no name is known of, and releases none.
func (s *State) boundBy(v *verdict, st *prepared, body []byte) *verdict {
	if v == nil || !slices.ContainsFunc(v.ops, func(o op) bool { return o.param }) {
		return v
	}
	var name text
	if st != nil {
		name = s.firstParameter(st, body)
	}
	return v.naming(name)
}

// naming is v with a name in place of its parameters, which may not be known.
func (v *verdict) naming(name text) *verdict {
	out := &verdict{modes: v.modes}
	for _, o := range v.ops {
		switch {
		case !o.param:
		case name != (text{}):
			o.param, o.text = false, name
		case o.kind == opLock:
			o = op{kind: opPin, pins: pinUserLock}
		default:
			continue
		}
		out.ops = append(out.ops, o)
	}
	return out
}

// firstParameter is the first parameter of an execution as a literal of text would spell it; zero if that is no string, or not there.
func (s *State) firstParameter(st *prepared, body []byte) text {
	flag, n, ok := s.parameters(st, body)
	if _, sent := s.longData[st.client]; !ok || n == 0 || sent || body[flag-(n+7)/8]&1 != 0 {
		return text{}
	}
	types, values := st.types, body[flag+1:]
	if body[flag] == 1 {
		if s.attrs {
			return text{} // names stand between the types
		}
		if len(values) < 2*n {
			return text{}
		}
		types, values = values[:2*n], values[2*n:]
	}
	if len(types) == 0 || !isText(types[0]) {
		return text{}
	}
	b, size := wire.LenencString(values)
	switch {
	case size == 0:
		return text{}
	case Harmless(b):
		return handle(append(append([]byte{'\''}, b...), '\''))
	}
	return handle(hex.AppendEncode([]byte{'x'}, b))
}

// isText reports the types of parameters that are sent as strings.
func isText(t byte) bool { return t == 0x0f || t >= 0xf9 && t <= 0xfe }
