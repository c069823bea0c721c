#!/usr/bin/env bash
# Runs three servers of the kind $SERVER (fe, mariadb, tidb), new ones, in $DATA: MySQL ports 127.0.0.1:19031 to 19033, health URLs on 18031 to
# 18033. One that has ended is started again when server.sh says so. All end with this script, whose process group they are.
set -euo pipefail
cd "$(dirname "$0")"
for port in 19031 19032 19033; do
	for _ in {1..50}; do # those of the run before may still be ending
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue 2
		sleep 0.1
	done
	echo "something listens on 127.0.0.1:$port: end it" >&2
	exit 1
done
[ "$SERVER" != fe ] || exec "$SEGUE" sim cluster --close-after-statement

mariadb() {
	exec mariadbd --no-defaults --user="$(id -un)" --datadir="$DATA/$1" --tmpdir="$DATA/$1" --socket=socket --pid-file=pid --log-error="$DATA/$1.log" \
		--bind-address=127.0.0.1 --port="1903$1" --init-file="$DATA/users.sql" --skip-name-resolve --max-connections=200 --performance-schema=0 \
		--innodb-buffer-pool-size=64M --innodb-log-file-size=32M --innodb-flush-log-at-trx-commit=2
}

tidb() {
	cat >"$DATA/$1.toml" <<-END
		host = "127.0.0.1"
		port = 1903$1
		store = "unistore"
		path = "$DATA/$1"
		socket = ""
		temp-dir = "$DATA/$1.tmp"
		tmp-storage-path = "$DATA/$1.tmp"
		graceful-wait-before-shutdown = 5
		split-table = false # one region: the embedded store would tear a transaction over two when it is killed
		[status]
		status-host = "127.0.0.1"
		status-port = 1803$1
		[log]
		level = "error"
		slow-query-file = "$DATA/$1.slow"
	END
	GOMEMLIMIT=1500MiB exec "$TIDB" --config "$DATA/$1.toml" >>"$DATA/$1.log" 2>&1
}

# supervise N: the server's lives, one after the other. What is written to its pipe starts the next.
supervise() {
	while :; do
		"$SERVER" "$1" &
		echo $! >"$DATA/$1.pid"
		wait $! || true # how it ends is the experiment's business
		read -r _ <"$DATA/$1.start"
	done
}

rm -rf "$DATA"
mkdir -p "$DATA"
printf '%s\n' 'CREATE USER IF NOT EXISTS app, haproxy;' 'GRANT ALL ON segue_bench.* TO app;' >"$DATA/users.sql"
for n in 1 2 3; do
	mkfifo "$DATA/$n.start"
	[ "$SERVER" != mariadb ] || cp -r "$MARIADB_DATA" "$DATA/$n"
	supervise "$n" &
done
wait
