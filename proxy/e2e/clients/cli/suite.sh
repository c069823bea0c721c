#!/bin/bash
# The mariadb command line of the end-to-end suite; package e2e says how it is called and what it prints.
set -u -o pipefail

host=$1 port=$2 user=$3 password=$4 scratch=$5 mode=$6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

where=(--protocol=TCP "--host=$host" "--port=$port" --skip-ssl ${E2E_COMPRESS:+--compress})
# as USER PASSWORD [ARGUMENT…]: the client as another account.
as() {
	local user=$1 password=$2
	shift 2
	timeout 20 mariadb --no-defaults "${where[@]}" "--user=$user" "--password=$password" --connect-timeout=20 \
		--default-character-set=utf8mb4 --max-allowed-packet=1G --local-infile=1 --batch --skip-column-names "$@"
}
sql() { as "$user" "$password" --database=fixtures "$@"; }

if [ "$mode" = connect ]; then
	for ((i = 1; i <= $7; i++)); do
		got=$(sql -e 'SELECT CURRENT_USER()' 2>&1)
		[ "$got" = "e2e@%" ] || { echo "connection $i of $7: $got" >&2; exit 1; }
	done
	printf 'connect\t%d\n' "$7"
	exit
fi

# check NAME COMMAND…: prints the command's output as one line; a command that fails was not expected to.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>"$work/stderr") && [ -n "$out" ]; then
		printf '%s\t%s\n' "$name" "${out//$'\n'/\\n}"
	else
		printf '%s\t!UNEXPECTED %s %s\n' "$name" "${out//$'\n'/\\n}" "$(tr '\n' ' ' <"$work/stderr")"
	fi
}

# errors STATEMENT…: runs one after the other on one connection; shows what they answered and the code of errors.
errors() { printf '%s;\n' "$@" | sql --force 2>&1 | sed -n 's/^ERROR \([0-9]*\).*/\1 then/p; /^[a-z0-9][a-z0-9]*$/p' | paste -sd' '; }

# code COMMAND…: the one error's code.
code() {
	! "$@" >/dev/null 2>"$work/code" || { echo "no error"; return 1; }
	sed -n 's/^ERROR \([0-9]*\).*/\1/p' "$work/code"
}

digest() { sha256sum | cut -d' ' -f1; }

# pattern TEXT LENGTH: the text, over and over.
pattern() { yes "$1" | tr -d '\n' | head -c "$2"; }

auth_switch() { as e2e_multi native -e 'SELECT CURRENT_USER()'; }
no_database() { as "$user" "$password" -e 'SELECT IFNULL(DATABASE(), "none")'; }
compressed() { sql --compress -e "SELECT LENGTH(REPEAT('compress me ', 100000))"; }

check auth.password sql -e 'SELECT CURRENT_USER()'
check auth.empty as e2e_empty '' -e 'SELECT CURRENT_USER()'
check auth.wrong_password code as e2e wrong -e 'SELECT 1'
check auth.unknown_database code sql --database=nowhere -e 'SELECT 1'
check auth.ed25519 as e2e_ed25519 edwards -e 'SELECT CURRENT_USER()'
check auth.switch auth_switch
check auth.no_database no_database
check compress compressed

metadata() { sql --table --column-names --column-type-info -e 'SELECT * FROM types WHERE id = 1' | grep -v '^|'; }
types_text() { sql --vertical --binary-as-hex -e 'SELECT * FROM types ORDER BY id' | cut -c 1-200; }
types_raw() { sql --raw -e 'SELECT * FROM types ORDER BY id' | digest; }
types_xml() { sql --xml -e 'SELECT * FROM types ORDER BY id' | digest; }
check types.metadata metadata
check types.text types_text
check types.raw types_raw
check types.xml types_xml

rows_10000() {
	sql "$@" -e 'SELECT id, name FROM rows10k ORDER BY id' | tr '\t' '|' >"$work/rows"
	echo "$(wc -l <"$work/rows") $(digest <"$work/rows")"
}
rows_20mb() {
	sql "$@" -e 'SELECT REPEAT(SHA2(seq, 256), 1600) FROM seq_1_to_200' >"$work/rows"
	echo "$(wc -l <"$work/rows") $(tr -d '\n' <"$work/rows" | wc -c) $(tr -d '\n' <"$work/rows" | digest)"
}
# The library itself loses rows that long where they are compressed.
rows_edges() {
	local n sum comma=
	for n in 250 251 65535 65536 16777210 16777211 16777212 16777215 16777216; do
		sql --quick $([ $n -le 16777210 ] || echo --skip-compress) -e "SELECT REPEAT('x', $n)" | tr -d '\n' >"$work/row" || return 1
		sum=$(digest <"$work/row")
		printf '%s%d=%.8s' "$comma" "$(wc -c <"$work/row")" "$sum"
		comma=,
	done
}
packet_edges() {
	local size crc comma=
	for size in 16777214 16777215 16777216 33554430; do
		crc=$({ printf "SELECT CRC32('"; pattern 0123456789 $((size - 17)); printf "')"; } | sql) || return 1
		printf '%s%s' "$comma" "$crc"
		comma=,
	done
}
packet_17mb() {
	{
		printf "CREATE TEMPORARY TABLE big (v LONGBLOB);\nINSERT INTO big VALUES ('"
		pattern 0123456789abcdef $((17 << 20))
		printf "');\nSELECT v FROM big;\n"
	} | sql | tr -d '\n' >"$work/big"
	echo "$(wc -c <"$work/big") $(digest <"$work/big")"
}
packet_too_big() {
	! { printf "SELECT LENGTH('"; pattern x $((70 << 20)); printf "')"; } | sql || return 1
	echo "error then $(sql -e 'SELECT 1')"
}
columns_1000() {
	sql -e "SELECT $(seq -s, 1 1000)" | tr '\t' '\n' >"$work/columns"
	awk '{ sum += $1 } END { print NR, sum }' "$work/columns"
}
check rows.10000 rows_10000
check rows.10000_quick rows_10000 --quick
check rows.20mb rows_20mb
check rows.20mb_quick rows_20mb --quick
check rows.edges rows_edges
check packet.edges packet_edges
check packet.17mb packet_17mb
check packet.too_big packet_too_big
check columns.1000 columns_1000

result_too_big() { sql -e "SELECT REPEAT('x', 70000000); SELECT @@warning_count" | paste -sd' ' | sed 's/ / then /'; }
multi() { printf '%s//\nSELECT "then 1"//\n' "$1" | sql --delimiter=// --force --column-names 2>&1 | sed '/^-*$/d; s/ at line.*//'; }
check result.too_big result_too_big
check multi.statements multi 'SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT "last"'
check multi.error multi 'SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3'
check proc.results sql --column-names -e 'CALL p_results(7)'
check proc.out sql -e 'SET @counter = 5; CALL p_out(21, @doubled, @counter); SELECT @doubled, @counter'
check proc.fails errors 'CALL p_fails()' 'SELECT 1'

load_local() {
	for name in rows empty big; do
		echo "CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT);"
		echo "LOAD DATA LOCAL INFILE '$E2E_LOAD_FILES/$name.csv' INTO TABLE l FIELDS TERMINATED BY ',';"
		echo "SELECT ROW_COUNT(); SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l HAVING COUNT(*) > 0;"
	done | sql | paste -sd' '
}
load_missing() {
	printf '%s;\n' 'CREATE TEMPORARY TABLE l (id INT)' "LOAD DATA LOCAL INFILE '$E2E_LOAD_FILES/missing.csv' INTO TABLE l" \
		'SELECT CONCAT("then ", COUNT(*)) FROM l' | sql --force 2>&1 | sed -n 's/^\(ERROR 2 ([A-Z0-9]*)\).*/\1/p; /^then/p' | paste -sd' '
}
load_import() {
	ln -sf "$E2E_LOAD_FILES/rows.csv" "$work/imported.csv"
	mariadb-import --no-defaults "${where[@]}" "--user=$user" "--password=$password" --local --delete --fields-terminated-by=, \
		"$scratch" "$work/imported.csv" | sed 's/Deleted: [0-9]*//'
}
check load.local load_local
check load.missing_file load_missing
check load.import load_import

signal() {
	printf '%s\n' "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é';" 'SELECT "then 1";' |
		sql --force 2>&1 | sed -n 's/^ERROR \([0-9]*\) (\([0-9A-Z]*\)) at line [0-9]*: /\1 \2 /p; /^then/p' | paste -sd' '
}
midresult() {
	printf '%s;\n' "SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) FROM rows10k AS r ORDER BY id" \
		'SELECT "then 1"' | sql --quick --force 2>"$work/errors" >"$work/rows"
	echo "$(grep -vc '^then' "$work/rows") rows $(grep -o '^ERROR [0-9]* ([0-9]*)' "$work/errors") $(tail -n 1 "$work/rows")"
}
check error.syntax errors 'SELEC 1' 'SELECT 1'
check error.unknown_table errors 'SELECT * FROM nowhere' 'SELECT 1'
check error.duplicate errors 'CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)' 'INSERT INTO d VALUES (1)' 'INSERT INTO d VALUES (1)' 'SELECT 1'
check error.signal signal
check error.prepare errors 'PREPARE p FROM "SELECT * FROM nowhere WHERE id = ?"' 'SELECT 1'
check error.midresult midresult

insert_id() {
	sql -e 'CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000;
		INSERT INTO i (v) VALUES (1), (2), (3); SELECT CONCAT(LAST_INSERT_ID(), " ", ROW_COUNT())'
}
affected() {
	sql -vv -e 'CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k; UPDATE a SET name = "row-1" WHERE id <= 300; DELETE FROM a' |
		grep -E '^(Query|Records|Rows)' | sed 's/ (.*//'
}
warnings() { sql -e 'DO 1/0; SHOW WARNINGS' | cut -f 2; }
tx() {
	sql -e 'CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB;
		BEGIN; INSERT INTO tx VALUES (1); COMMIT; SELECT COUNT(*) FROM tx;
		START TRANSACTION WITH CONSISTENT SNAPSHOT; INSERT INTO tx VALUES (1); ROLLBACK; SELECT COUNT(*) FROM tx;
		SET autocommit = 0; INSERT INTO tx VALUES (2); ROLLBACK; SET autocommit = 1; SELECT COUNT(*) FROM tx' | paste -sd' '
}
use_database() { printf '%s\n' 'use fixtures_2' 'SELECT DATABASE();' 'use fixtures' 'SELECT DATABASE();' | sql | paste -sd' '; }
prepared() {
	sql -e 'PREPARE p FROM "SELECT ? + 1, ?"; SET @a = 41, @b = "grüße"; EXECUTE p USING @a, @b; DEALLOCATE PREPARE p; SELECT "done"'
}
# fields: on a terminal the client reads the columns of every table for completion, by COM_FIELD_LIST.
fields() {
	printf 'SHOW SESSION STATUS LIKE "Com_show_fields";\n\\q\n' | MYSQL_PWD=$password MYSQL_HISTFILE=/dev/null TERM=dumb \
		timeout 20 script -qec "mariadb --no-defaults ${where[*]} --user=$user --auto-rehash fixtures" /dev/null |
		grep -o -e '^Reading table information' -e '^| Com_show_fields | [0-9]*'
}
status() { printf '\\s\n' | sql | grep -E '^(Current user|Current database|Protocol version|Client characterset)' | tr -s '\t ' ' '; }
# ADMIN: the programs for administrators use commands of their own: COM_PING, COM_STATISTICS.
admin() { timeout 20 mariadb-admin --no-defaults "${where[@]}" "--user=$user" "--password=$password" "$@"; }
statistics() { admin status | grep -o '^Uptime: '; }
dump() { # [OPTION…]
	timeout 60 mariadb-dump --no-defaults "${where[@]}" "--user=$user" "--password=$password" --default-character-set=utf8mb4 \
		--skip-comments --hex-blob "$@" fixtures >"$work/dump" && echo "$(wc -c <"$work/dump") $(digest <"$work/dump")"
}
# restore: one connection, as two would reach two servers through Segue.
restore() {
	dump &&
		{ cat "$work/dump"; echo 'CHECKSUM TABLE types, rows10k EXTENDED;'; } | sql "--database=$scratch" | cut -f 2 | paste -sd' '
}
scratch() {
	sql "--database=$scratch" -e 'CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT); LOCK TABLES t WRITE;
		INSERT INTO t VALUES (1, "a"), (2, "b"); UNLOCK TABLES; DELETE FROM t WHERE id = 1; SELECT GROUP_CONCAT(v) FROM t'
}
check insert_id insert_id
check affected affected
check tx tx
check warnings warnings
check use use_database
check prepared prepared
check ping admin ping
check statistics statistics
check fields fields
check status status
check dump dump --routines
check restore restore
check scratch scratch
check charset sql --default-character-set=latin1 -e 'SELECT @@character_set_client, HEX(c_varchar) FROM types WHERE id = 2'
