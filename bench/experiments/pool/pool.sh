#!/usr/bin/env bash
# What an application on HikariCP and Connector/J sees while MariaDB servers go: by the driver's own jdbc:mysql:loadbalance, through HAProxy, and
# through Segue, and puts that into bench/README.md. $EXPERIMENTS and $FRONTS name parts. Programs and jars are those of `make deps`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/../..
cache=$(realpath -m "${SEGUE_CACHE:-$root/.cache}")
OUT=$(realpath -m "${OUT:-$cache/pool}")
PATH=$PATH:/usr/sbin
export SEGUE=${SEGUE:-$root/bin/segue} DATA=$OUT/servers MARIADB_DATA=$OUT/mariadb SERVER=mariadb PATH
jars=$cache/e2e/jars/*
command -v haproxy >/dev/null || apt-get install -y --no-install-recommends haproxy
for command in javac mariadbd mariadb; do
	command -v "$command" >/dev/null || { echo "no $command: make deps" >&2; exit 1; }
done
[ -n "$(compgen -G "$jars.jar")" ] || { echo "no jars in $cache/e2e/jars: make deps" >&2; exit 1; }
mkdir -p "$OUT"
echo "$(date -u '+%-d %B %Y'), on $(nproc) × $(sed -n 's/^model name\s*: //p;T;q' /proc/cpuinfo | head -n 1), Linux $(uname -r)" >"$OUT/machine"
[ -d "$MARIADB_DATA" ] || {
	mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$MARIADB_DATA.new" --auth-root-authentication-method=normal \
		--skip-test-db --force --innodb-log-file-size=32M >"$OUT/mariadb-install-db.log"
	mv "$MARIADB_DATA.new" "$MARIADB_DATA"
}
javac -cp "$jars" -d "$OUT/classes" pool/Pool.java

groups=()
finish() {
	for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
	for group in "${groups[@]}"; do while kill -0 -- "-$group" 2>/dev/null; do sleep 0.1; done; done
	groups=()
}
trap finish EXIT
trap 'exit 130' INT TERM

# start COMMAND…: in a process group of its own.
start() {
	setsid "$@" >>"$OUT/log" 2>&1 &
	groups+=($!)
}

each() { for n in 1 2 3; do ./server.sh "$1" "$n" & done && wait -f $(jobs -p | tail -n 3); }

happens() {
	sleep 5
	case $1 in
	rolling) for n in 2 3 1; do ./server.sh leave $n && sleep 3 && ./server.sh start $n && sleep 8; done ;;
	kill) ./server.sh kill 1 && sleep 8 && ./server.sh start 1 ;;
	hang) ./server.sh hang 1 ;;
	refuse) ./server.sh refuse 1 ;;
	all-down) each kill && sleep 5 && each start ;;
	esac
	sleep 6
}

for experiment in ${EXPERIMENTS:-rolling kill hang refuse all-down}; do
	for FRONT in ${FRONTS:-jdbc-loadbalance haproxy-tuned segue}; do
		export FRONT
		url=jdbc:mysql://127.0.0.1:19030/segue_bench
		[ "$FRONT" != jdbc-loadbalance ] || url=jdbc:mysql:loadbalance://127.0.0.1:19031,127.0.0.1:19032,127.0.0.1:19033/segue_bench
		start ./servers.sh
		until [ -p "$DATA/3.start" ]; do sleep 0.1; done
		for n in 1 2 3; do
			./server.sh ready $n
			mariadb --no-defaults -h 127.0.0.1 -P "1903$n" -u root -e 'CREATE DATABASE segue_bench; CREATE TABLE segue_bench.pool (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT, KEY (n))'
		done
		start ./front.sh run
		until ./front.sh listens 2>/dev/null; do sleep 0.1; done
		load=$(cut -d ' ' -f 1 /proc/loadavg)
		coproc java -cp "$OUT/classes:$jars" Pool "$url?connectTimeout=2000&socketTimeout=20000&sslMode=DISABLED&allowPublicKeyRetrieval=true" app "${RATE:-100}" 2>>"$OUT/log"
		read -r -u "${COPROC[0]}" ready && [ "$ready" = ready ]
		happens "$experiment" >>"$OUT/log" 2>&1
		exec {COPROC[1]}>&-
		read -r -u "${COPROC[0]}" result
		printf '%s\t%s\t%s\tload %s\n' "$experiment" "$FRONT" "$result" "$load" | tee -a "$OUT/results.tsv"
		wait "$COPROC_PID" || true
		finish
	done
done
cd "$root"
${GO:-go} run ./bench/experiments/publish "$OUT"
