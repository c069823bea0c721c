package fesim

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// functions are those that SELECT knows. Missing arguments are an error, further ones are ignored.
var functions = map[string]func(e *env, args []value) (value, error){
	"connection_id":     func(e *env, _ []value) (value, error) { return int64(e.s.id), nil },
	"session_id":        func(e *env, _ []value) (value, error) { return e.s.state.sessionID, nil },
	"last_query_id":     func(e *env, _ []value) (value, error) { return e.s.state.lastQueryID(e.s), nil },
	"database":          func(e *env, _ []value) (value, error) { return e.s.state.database(), nil },
	"schema":            func(e *env, _ []value) (value, error) { return e.s.state.database(), nil },
	"catalog":           func(e *env, _ []value) (value, error) { return e.s.state.catalog(), nil },
	"current_catalog":   func(e *env, _ []value) (value, error) { return e.s.state.catalog(), nil },
	"current_warehouse": func(e *env, _ []value) (value, error) { return e.s.state.vars.get("warehouse"), nil },
	"current_role":      func(e *env, _ []value) (value, error) { return e.s.state.role, nil },
	"current_user":      func(e *env, _ []value) (value, error) { return fmt.Sprintf("'%s'@'%%'", e.s.state.identity), nil },
	"user":              userFunction,
	"session_user":      userFunction,
	"version":           func(e *env, _ []value) (value, error) { return e.s.fe.opts.ServerVersion, nil },
	"current_version":   func(e *env, _ []value) (value, error) { return e.s.life.version, nil },
	"now":               nowFunction,
	"current_timestamp": nowFunction,
	"current_date":      func(*env, []value) (value, error) { return time.Now().Format(time.DateOnly), nil },
	"utc_timestamp":     func(*env, []value) (value, error) { return time.Now().UTC().Format(time.DateTime), nil },
	"unix_timestamp":    func(*env, []value) (value, error) { return time.Now().Unix(), nil },
	"last_insert_id":    func(*env, []value) (value, error) { return int64(0), nil },
	"uuid":              func(e *env, _ []value) (value, error) { return e.s.newUUID(), nil },
	"sleep":             sleepFunction,
	"concat":            concatFunction,
	"repeat":            repeatFunction,
	"length":            textFunction(func(s string) value { return int64(len(s)) }),
	"upper":             textFunction(func(s string) value { return strings.ToUpper(s) }),
	"lower":             textFunction(func(s string) value { return strings.ToLower(s) }),
	"hex":               textFunction(func(s string) value { return strings.ToUpper(hex.EncodeToString([]byte(s))) }),
	"unhex":             textFunction(unhex),
	"ifnull":            coalesceFunction,
	"coalesce":          coalesceFunction,
	"if":                ifFunction,
	"locate":            locateFunction,
	"instr": func(e *env, args []value) (value, error) {
		if len(args) > 1 {
			args = []value{args[1], args[0]}
		}
		return locateFunction(e, args)
	},
	"ucase":              textFunction(func(s string) value { return strings.ToUpper(s) }),
	"lcase":              textFunction(func(s string) value { return strings.ToLower(s) }),
	"least":              leastFunction(-1),
	"greatest":           leastFunction(1),
	"nullif":             nullifFunction,
	"trim":               textFunction(func(s string) value { return strings.TrimSpace(s) }),
	"md5":                textFunction(func(s string) value { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }),
	"char_length":        textFunction(func(s string) value { return int64(len([]rune(s))) }),
	"abs":                numberFunction(math.Abs),
	"round":              numberFunction(math.Round),
	"floor":              numberFunction(math.Floor),
	"ceil":               numberFunction(math.Ceil),
	"date_add":           dateFunction(1),
	"adddate":            dateFunction(1),
	"date_sub":           dateFunction(-1),
	"date":               textFunction(func(s string) value { return s[:min(len(s), len(time.DateOnly))] }),
	"replace":            replaceFunction,
	"substring":          substringFunction,
	"substr":             substringFunction,
	"is_role_in_session": func(e *env, _ []value) (value, error) { return int64(1), nil },
}

func numberFunction(f func(float64) float64) func(*env, []value) (value, error) {
	return func(_ *env, args []value) (value, error) {
		v, err := argument(args, 0)
		if v == nil || err != nil {
			return nil, err
		}
		n := f(number(v))
		if _, whole := v.(int64); whole {
			return int64(n), nil
		}
		return n, nil
	}
}

// locateFunction is where the first text stands in the second, from 1 on; 0: nowhere.
func locateFunction(_ *env, args []value) (value, error) {
	in, err := argument(args, 1)
	if err != nil || in == nil || args[0] == nil {
		return nil, err
	}
	return int64(1 + strings.Index(text(in), text(args[0]))), nil
}

// leastFunction is the least of its arguments, or with sign 1 the greatest.
func leastFunction(sign int) func(*env, []value) (value, error) {
	return func(_ *env, args []value) (value, error) {
		if slices.Contains(args, nil) {
			return nil, nil
		}
		return extreme(args, sign), nil
	}
}

func nullifFunction(_ *env, args []value) (value, error) {
	b, err := argument(args, 1)
	if err != nil || args[0] == nil || b != nil && compare(args[0], b) == 0 {
		return nil, err
	}
	return args[0], nil
}

func replaceFunction(_ *env, args []value) (value, error) {
	if _, err := argument(args, 2); err != nil || args[0] == nil {
		return nil, err
	}
	return strings.ReplaceAll(text(args[0]), text(args[1]), text(args[2])), nil
}

// substringFunction counts from 1, and from the end if the number is below zero.
func substringFunction(_ *env, args []value) (value, error) {
	from, err := argument(args, 1)
	if err != nil || args[0] == nil {
		return nil, err
	}
	s, at := text(args[0]), int(number(from))-1
	if at < -1 {
		at += len(s) + 1
	}
	if at < 0 || at >= len(s) {
		return "", nil
	}
	s = s[at:]
	if len(args) > 2 {
		s = s[:max(0, min(len(s), int(number(args[2]))))]
	}
	return s, nil
}

// dateFunction adds an interval, in seconds, to a time.
func dateFunction(sign float64) func(*env, []value) (value, error) {
	return func(_ *env, args []value) (value, error) {
		by, err := argument(args, 1)
		if err != nil {
			return nil, err
		}
		for _, form := range []string{time.DateTime, time.DateOnly} {
			if at, err := time.Parse(form, text(args[0])); err == nil {
				return at.Add(time.Duration(sign * number(by) * float64(time.Second))).Format(time.DateTime), nil
			}
		}
		return nil, nil
	}
}

// unhex is ” for what is not hexadecimal, as StarRocks' is.
func unhex(s string) value {
	b, err := hex.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}

const starRocksVersion = "3.5.0-fesim"

// argument returns an argument, or the error that there are too few.
func argument(args []value, at int) (value, error) {
	if at >= len(args) {
		return nil, fail("Getting analyzing error. Detail message: No matching function with so few arguments.")
	}
	return args[at], nil
}

func userFunction(e *env, _ []value) (value, error) {
	host := e.s.host()
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return fmt.Sprintf("'%s'@'%s'", e.s.state.user, host), nil
}

func nowFunction(*env, []value) (value, error) { return time.Now().Format(time.DateTime), nil }

// sleepFunction waits for so many seconds, fractions allowed, unless the statement is killed or the client goes away.
func sleepFunction(e *env, args []value) (value, error) {
	v, err := argument(args, 0)
	if err == nil && !e.sample {
		err = e.s.sleep(e.ctx, time.Duration(number(v)*float64(time.Second)))
	}
	return int64(1), err
}

func concatFunction(_ *env, args []value) (value, error) {
	var b strings.Builder
	for _, v := range args {
		if v == nil {
			return nil, nil
		}
		b.WriteString(text(v))
	}
	return b.String(), nil
}

// maxText bounds what one value may become.
const maxText = 64 << 20

func repeatFunction(_ *env, args []value) (value, error) {
	n, err := argument(args, 1)
	if err != nil {
		return nil, err
	}
	s, times := text(args[0]), int(number(n))
	if times < 0 || len(s)*times > maxText {
		return nil, nil
	}
	return strings.Repeat(s, times), nil
}

func textFunction(f func(string) value) func(*env, []value) (value, error) {
	return func(_ *env, args []value) (value, error) {
		v, err := argument(args, 0)
		if v == nil || err != nil {
			return nil, err
		}
		return f(text(v)), nil
	}
}

func coalesceFunction(_ *env, args []value) (value, error) {
	for _, v := range args {
		if v != nil {
			return v, nil
		}
	}
	return nil, nil
}

func ifFunction(_ *env, args []value) (value, error) {
	if _, err := argument(args, 2); err != nil {
		return nil, err
	}
	if truth(args[0]) {
		return args[1], nil
	}
	return args[2], nil
}
