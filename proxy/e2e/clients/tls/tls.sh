#!/bin/bash
# The mariadb command line; package e2e says how clients of tls_clients_test.go are called and what they print.
set -u -o pipefail

host=$1 port=$2 ca=$3 password=$4
shift 4
export MYSQL_PWD=$password
ssl=(--skip-ssl)
[ -z "$ca" ] || ssl=("--ssl-ca=$ca" --ssl-verify-server-cert)

ask() { timeout 20 mariadb --no-defaults --protocol=TCP "--host=$host" "--port=$port" "${ssl[@]}" "--user=$1" --connect-timeout=10 --batch --skip-column-names -e "$2" 2>&1; }

try() {
	local got
	for _ in 1 2; do
		got=$(ask "$1" "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1); PREPARE p FROM 'SELECT ? + 1'; SET @n = 41; EXECUTE p USING @n") || { echo "$got"; return; }
		[ "$got" = "$1"$'\n'42 ] || { echo "got $got"; return; }
		got=$(ask "$1" "SELECT REPEAT('x', 2097152)" | wc -c) || { echo "no 2 MB"; return; }
		[ "$got" = 2097153 ] || { echo "$got bytes of 2 MB"; return; }
	done
	echo ok
}

for user in "$@"; do
	printf '%s\t%s\n' "$user" "$(try "$user" | tr '\n' ' ' | sed 's/ $//')"
done
