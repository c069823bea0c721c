package route

import "strings"

// insertInto reads the database and table of Doris' `insert into DB.TABLE (…) select … from http_stream(…)`. What it does not read is "": such a load is not resolved by its label, which needs the database.
func insertInto(sql string) (database, table string) {
	rest, ok := keyword(sql, "insert")
	if !ok {
		return "", ""
	}
	if rest, ok = keyword(rest, "into"); !ok {
		return "", ""
	}
	first, rest := identifier(rest)
	rest = strings.TrimLeft(rest, " \t")
	if !strings.HasPrefix(rest, ".") {
		return "", first
	}
	second, rest := identifier(rest[1:])
	if strings.HasPrefix(strings.TrimLeft(rest, " \t"), ".") || first == "" || second == "" { // a catalog before it, or something else
		return "", ""
	}
	return first, second
}

// keyword takes a word and what follows it.
func keyword(sql, word string) (string, bool) {
	sql = strings.TrimLeft(sql, " \t")
	if len(sql) <= len(word) || !strings.EqualFold(sql[:len(word)], word) || sql[len(word)] != ' ' && sql[len(word)] != '\t' {
		return sql, false
	}
	return sql[len(word):], true
}

// identifier takes a name, in backquotes or not.
func identifier(sql string) (name, rest string) {
	sql = strings.TrimLeft(sql, " \t")
	if strings.HasPrefix(sql, "`") {
		name, rest, ok := strings.Cut(sql[1:], "`")
		if !ok || strings.HasPrefix(rest, "`") {
			return "", ""
		}
		return name, rest
	}
	end := strings.IndexFunc(sql, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c < 0x80
	})
	if end < 0 {
		end = len(sql)
	}
	return sql[:end], sql[end:]
}
