package track

// The functions that are known to change nothing and to hold nobody up. A server looks for what is built in before it looks for a stored function
// of the same name, so that a list is good for one dialect only: what one has built in may be anybody's function on another.

// isPure reports them.
func isPure(w string, d Dialect, version uint32) bool {
	if isPureEverywhere(w) {
		return true
	}
	switch d {
	case MySQL:
		return isPureMySQL(w) || version >= 80000 && (isWindow(w) || isPureMySQL8(w)) || version >= 80021 && w == "JSON_VALUE"
	case MariaDB:
		return isPureMariaDB(w) || version >= 100500 && isWindow(w)
	case TiDB: // which has no stored functions
		return isPureMySQL(w) || isPureMySQL8(w) || isWindow(w) || isPureTiDB(w)
	case StarRocks, Doris:
		return isWindow(w) || isPureFE(w)
	default:
		return false
	}
}

// isPureEverywhere are those of MySQL since 5.7, of MariaDB since 10.2, and of TiDB. The FEs know most of them, and none of another meaning.
func isPureEverywhere(w string) bool {
	switch w {
	case "COUNT", "SUM", "MIN", "MAX", "AVG", "STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP", "GROUP_CONCAT", "BIT_AND", "BIT_OR", "BIT_XOR", "BIT_COUNT",
		"IF", "IFNULL", "NULLIF", "COALESCE", "GREATEST", "LEAST", "ISNULL", "CAST", "CONVERT", "ABS", "CEIL", "CEILING", "FLOOR", "ROUND", "TRUNCATE", "SIGN", "SQRT",
		"POW", "POWER", "EXP", "LN", "LOG", "LOG2", "LOG10", "PI", "SIN", "COS", "TAN", "COT", "ASIN", "ACOS", "ATAN", "ATAN2", "DEGREES", "RADIANS", "CRC32", "MOD",
		"CONCAT", "CONCAT_WS", "LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH", "OCTET_LENGTH", "BIT_LENGTH", "UPPER", "LOWER", "UCASE", "LCASE", "TRIM", "LTRIM", "RTRIM", "LPAD", "RPAD",
		"LEFT", "RIGHT", "SUBSTR", "SUBSTRING", "SUBSTRING_INDEX", "MID", "INSTR", "LOCATE", "POSITION", "REPLACE", "REVERSE", "REPEAT", "SPACE", "FIELD", "FIND_IN_SET",
		"ELT", "EXPORT_SET", "MAKE_SET", "QUOTE", "HEX", "UNHEX", "ASCII", "ORD", "MD5", "SHA", "SHA1", "SHA2", "FORMAT", "STRCMP", "TO_BASE64", "FROM_BASE64",
		"INET_ATON", "INET_NTOA", "INET6_ATON", "INET6_NTOA", "IS_IPV4", "IS_IPV6", "BIN", "OCT", "CONV", "COMPRESS", "UNCOMPRESS", "UNCOMPRESSED_LENGTH",
		"NOW", "CURDATE", "CURTIME", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "SYSDATE",
		"DATE", "TIME", "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MICROSECOND", "DAYOFMONTH", "DAYOFWEEK", "DAYOFYEAR", "WEEKDAY", "WEEKOFYEAR", "YEARWEEK",
		"DAYNAME", "MONTHNAME", "LAST_DAY", "DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE", "ADDTIME", "SUBTIME", "DATEDIFF", "TIMEDIFF", "TIMESTAMPDIFF", "TIMESTAMPADD", "DATE_FORMAT",
		"STR_TO_DATE", "TIME_FORMAT", "GET_FORMAT", "FROM_UNIXTIME", "UNIX_TIMESTAMP", "TO_DAYS", "FROM_DAYS", "TO_SECONDS", "SEC_TO_TIME", "TIME_TO_SEC", "EXTRACT", "TIMESTAMP",
		"MAKEDATE", "MAKETIME", "PERIOD_ADD", "PERIOD_DIFF", "CONVERT_TZ",
		"DATABASE", "SCHEMA", "USER", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "VERSION", "CONNECTION_ID", "CHARSET", "COLLATION", "COERCIBILITY",
		"JSON_EXTRACT", "JSON_UNQUOTE", "JSON_QUOTE", "JSON_CONTAINS", "JSON_CONTAINS_PATH", "JSON_LENGTH", "JSON_DEPTH", "JSON_OBJECT", "JSON_ARRAY", "JSON_KEYS", "JSON_VALID", "JSON_TYPE",
		"JSON_SEARCH", "JSON_SET", "JSON_INSERT", "JSON_REPLACE", "JSON_REMOVE", "JSON_ARRAY_APPEND", "JSON_ARRAY_INSERT", "AES_ENCRYPT", "AES_DECRYPT", "NAME_CONST":
		return true
	}
	return false
}

// isWindow are window functions.
func isWindow(w string) bool {
	switch w {
	case "ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "CUME_DIST", "PERCENT_RANK", "CURRENT_ROLE", "JSON_ARRAYAGG", "JSON_OBJECTAGG",
		"REGEXP_INSTR", "REGEXP_REPLACE", "REGEXP_SUBSTR":
		return true
	}
	return false
}

// isPureMySQL are those of MySQL since 5.7 that MariaDB has not.
func isPureMySQL(w string) bool {
	switch w {
	case "ANY_VALUE", "JSON_PRETTY", "JSON_STORAGE_SIZE":
		return true
	}
	return false
}

// isPureMySQL8 are those of MySQL since 8.0.
func isPureMySQL8(w string) bool {
	switch w {
	case "GROUPING", "REGEXP_LIKE", "UUID_TO_BIN", "BIN_TO_UUID", "IS_UUID":
		return true
	}
	return false
}

// isPureMariaDB are those of MariaDB's own.
func isPureMariaDB(w string) bool {
	switch w {
	case "NVL", "NVL2", "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_COMPACT", "JSON_DETAILED", "JSON_LOOSE", "LENGTHB", "CHR":
		return true
	}
	return false
}

// isPureTiDB are those that TiDB has.
func isPureTiDB(w string) bool {
	switch w {
	case "JSON_VALUE", "APPROX_COUNT_DISTINCT", "APPROX_PERCENTILE", "TIDB_VERSION", "TIDB_PARSE_TSO", "VITESS_HASH", "JSON_SUM_CRC32":
		return true
	}
	return false
}

// isPureFE are those of StarRocks and Doris, whose own functions cannot write either: a list, all the same, since a function in Java can do anything.
func isPureFE(w string) bool {
	switch w {
	case "ANY_VALUE", "APPROX_COUNT_DISTINCT", "NDV", "GROUPING", "GROUPING_ID", "DATE_TRUNC", "CATALOG", "CURRENT_CATALOG", "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_EACH", "PARSE_JSON",
		"GET_JSON_STRING", "GET_JSON_INT", "GET_JSON_DOUBLE", "GET_JSON_OBJECT", "BITMAP_UNION", "BITMAP_COUNT", "BITMAP_UNION_COUNT", "BITMAP_UNION_INT", "BITMAP_AGG", "BITMAP_INTERSECT",
		"BITMAP_AND", "BITMAP_OR", "BITMAP_CONTAINS", "BITMAP_EMPTY", "BITMAP_HASH", "BITMAP_TO_STRING", "BITMAP_TO_ARRAY", "TO_BITMAP", "INTERSECT_COUNT", "HLL_UNION_AGG", "HLL_UNION",
		"HLL_RAW_AGG", "HLL_CARDINALITY", "HLL_HASH", "HLL_EMPTY", "PERCENTILE", "PERCENTILE_APPROX", "PERCENTILE_CONT", "PERCENTILE_DISC", "ARRAY_AGG", "ARRAY_AGG_DISTINCT",
		"ARRAY_LENGTH", "ARRAY_CONTAINS", "ARRAY_JOIN", "ARRAY_MAP", "ARRAY_FILTER", "ARRAY_SORT", "ARRAY_DISTINCT", "ARRAY_CONCAT", "ARRAY_SUM", "ARRAY_AVG", "ARRAY_MAX", "ARRAY_MIN",
		"MAP_KEYS", "MAP_VALUES", "MAP_SIZE", "SIZE", "CARDINALITY", "NAMED_STRUCT", "MAX_BY", "MIN_BY", "COLLECT_LIST", "COLLECT_SET", "COUNT_IF", "MULTI_DISTINCT_COUNT", "MULTI_DISTINCT_SUM",
		"UNNEST", "GENERATE_SERIES", "SUBDIVIDE_BITMAP", "NUMBERS", "EXPLODE", "EXPLODE_SPLIT", "EXPLODE_NUMBERS", "EXPLODE_BITMAP", "EXPLODE_JSON_ARRAY_INT", "EXPLODE_JSON_ARRAY_STRING", "POSEXPLODE",
		"SPLIT", "SPLIT_PART", "SPLIT_BY_STRING", "STR_TO_MAP", "STARTS_WITH", "ENDS_WITH", "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL", "PARSE_URL", "URL_ENCODE", "URL_DECODE", "NULL_OR_EMPTY", "APPEND_TRAILING_CHAR_IF_ABSENT",
		"MONEY_FORMAT", "MURMUR_HASH3_32", "XX_HASH3_64", "XX_HASH3_128", "DAYS_ADD", "DAYS_SUB", "DAYS_DIFF", "HOURS_ADD", "HOURS_SUB", "HOURS_DIFF", "MINUTES_ADD", "MINUTES_SUB", "MINUTES_DIFF",
		"MONTHS_ADD", "MONTHS_SUB", "MONTHS_DIFF", "SECONDS_ADD", "SECONDS_SUB", "SECONDS_DIFF", "WEEKS_ADD", "WEEKS_SUB", "WEEKS_DIFF", "YEARS_ADD", "YEARS_SUB", "YEARS_DIFF", "DATE_DIFF", "TIME_SLICE",
		"STR2DATE", "TO_DATE", "NEXT_DAY", "PREVIOUS_DAY", "FMOD", "DLOG1", "DROUND", "CBRT", "COSH", "SINH", "TANH", "E", "SQUARE", "TRUNC", "BITAND", "BITOR", "BITXOR", "BITNOT", "TYPEOF", "UNIQ", "RETENTION",
		"WINDOW_FUNNEL", "TOPN", "HISTOGRAM", "CURRENT_ROLE", "NVL":
		return true
	}
	return false
}
