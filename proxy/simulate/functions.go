package simulate

import (
	"strconv"
	"strings"
)

// evalMore is eval for what scenes ask for. is reports whether it is that.
func (b *backConn) evalMore(s string) (v value, ok, is bool) {
	at := strings.IndexByte(s, '(')
	if at <= 0 || s[len(s)-1] != ')' {
		v, is = b.constant(s)
		return v, is, is
	}
	arg, _, _ := strings.Cut(s[at+1:len(s)-1], ",")
	if v, is = b.call(s[:at], arg); !is {
		v, is = b.constant(s)
	}
	return v, is, is
}

// constant is a name without an argument.
func (b *backConn) constant(s string) (v value, is bool) {
	switch s {
	case "@@locks":
		return number(b.mem.locked()), true
	case "@@only":
		return truth(b.mem.only), true
	case "@@next":
		return truth(b.mem.next), true
	case "CATALOG()":
		return b.mem.inCatalog(), true
	case "nth":
		return number(0), true
	case "CURRENT_USER()":
		return text(b.who()), true
	case "ROW_COUNT()":
		return number(b.mem.left.count), true
	case "FOUND_ROWS()":
		return number(b.mem.left.found), true
	case "RELEASE_ALL_LOCKS()":
		return b.unlockAll(), true
	}
	return v, false
}

func truth(is bool) value {
	if is {
		return number(1)
	}
	return number(0)
}

// call is a function of an argument.
func (b *backConn) call(name, arg string) (v value, is bool) {
	switch name {
	case "GET_LOCK":
		return b.lock(unquote(arg)), true
	case "RELEASE_LOCK":
		return b.unlock(unquote(arg)), true
	case "huge":
		n, _ := strconv.Atoi(arg)
		return text(strings.Repeat("x", n)), true
	case "zone":
		b.assigns("time_zone", unquote(arg))
		return number(0), true
	case "assign":
		v, _ = b.eval(arg)
		b.mem.User["@a"] = v
		return v, true
	}
	return v, false
}
