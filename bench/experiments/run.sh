#!/usr/bin/env bash
# Runs each experiment on each kind of servers through each front, puts the fronts side by side, and writes what came out into
# deploy/docs/explanation/measured.md and bench/README.md. Pages, JSON, CSV and pictures are in $OUT. $SERVERS, $EXPERIMENTS and $FRONTS name parts.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD/../..
cache=$(realpath -m "${SEGUE_CACHE:-$root/.cache}")
OUT=$(realpath -m "${OUT:-$cache/experiments}")
GO=${GO:-go}
PATH=$PATH:/usr/sbin
export SEGUE=${SEGUE:-$root/bin/segue} DATA=$OUT/servers NGINX=$cache/nginx TIDB=$cache/e2e/tidb/tidb-server MARIADB_DATA=$OUT/mariadb PATH

# interrupted ends the run that is under way, with all that it has started, and leaves no half result.
bench='' result=''
interrupted() {
	[ -n "$bench" ] || return 0
	kill -TERM "$bench" 2>/dev/null || true
	wait "$bench" || true
	rm -f "$result"
}
trap interrupted EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# need PACKAGE COMMAND: installs the Debian package unless the command is there.
need() {
	command -v "$2" >/dev/null && return
	local sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get install -y --no-install-recommends "$1"
}

# install SERVER: what the servers of a kind need.
install() {
	case $1 in
	mariadb)
		need mariadb-server-core mariadbd
		need mariadb-client mariadb
		[ -d "$MARIADB_DATA" ] || {
			mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$MARIADB_DATA.new" --auth-root-authentication-method=normal \
				--skip-test-db --force --innodb-log-file-size=32M >"$OUT/mariadb-install-db.log"
			mv "$MARIADB_DATA.new" "$MARIADB_DATA"
		}
		;;
	tidb)
		need mariadb-client mariadb
		GO=$GO "$root/proxy/e2e/tidb/build.sh"
		;;
	esac
}

# machine: what the figures depend on, beside what each result says itself.
machine() {
	echo "$(nproc) × $(sed -n 's/^model name\s*: //p;T;q' /proc/cpuinfo | head -n 1), Linux $(uname -r), $(haproxy -v | sed -n '1s/^\(HAProxy\) version \([^ ]*\).*/\1 \2/p')"
}

# run EXPERIMENT: through the front $FRONT, on servers of the kind $SERVER.
run() {
	local name=$1-$SERVER-$FRONT host=127.0.0.1 port=19030 user=root where=() more=()
	[ "$FRONT" != direct ] || port=19031
	[ "$FRONT" != dns ] || { host=mysql.example && where=(./names.sh); }
	[ "$FRONT" != segue ] || more+=(--segue 127.0.0.1:19130)
	[ "$SERVER" != mariadb ] || user=app # who may do less than root is who a full server refuses
	if [ "$SERVER" != fe ]; then
		for n in 1 2 3; do more+=(--member "$user@tcp(127.0.0.1:1903$n)/"); done # they share no data
	fi
	printf '\n== %s, %s, %s (%s s)\n' "$1" "$SERVER" "$FRONT" "$SECONDS"
	rm -f "$OUT/$name.json"
	cut -d ' ' -f 1 /proc/loadavg >"$OUT/$name.load"
	"${where[@]}" "$SEGUE" bench --experiment "$1.yaml" --dsn "$user@tcp($host:$port)/" "${more[@]}" --name "$FRONT" --out "$OUT/$name" --force &
	bench=$! result=$OUT/$name.json
	wait "$bench" || [ $? = 1 ] # clients saw errors, which is what is measured
	bench=
	[ -s "$OUT/$name.json" ] || { echo "$name gave no result" >&2; exit 1; }
	machine >"$OUT/$name.machine"
}

# run_loads EXPERIMENT: loads through the front $FRONT; their rows are read from an FE at the end.
run_loads() {
	local name=$1-$SERVER-$FRONT address=127.0.0.1:19080 more=()
	[ "$FRONT" != direct ] || address=127.0.0.1:18031
	[[ $FRONT != segue* ]] || more+=(--segue 127.0.0.1:19130)
	printf '\n== %s, %s (%s s)\n' "$1" "$FRONT" "$SECONDS"
	rm -f "$OUT/$name.json"
	cut -d ' ' -f 1 /proc/loadavg >"$OUT/$name.load"
	"$SEGUE" bench --experiment "$1.yaml" --dsn 'root@tcp(127.0.0.1:19031)/' --load-address "$address" "${more[@]}" --name "$FRONT" --out "$OUT/$name" --force &
	bench=$! result=$OUT/$name.json
	wait "$bench" || [ $? = 1 ] # clients saw errors, which is what is measured
	bench=
	[ -s "$OUT/$name.json" ] || { echo "$name gave no result" >&2; exit 1; }
	machine >"$OUT/$name.machine"
}

# compare EXPERIMENT: side by side what there is of it.
compare() {
	local results=()
	for front in direct dns haproxy-cloud haproxy-tuned nginx nginx-operator segue-unkept segue; do
		[ ! -s "$OUT/$1-$SERVER-$front.json" ] || results+=("$OUT/$1-$SERVER-$front.json")
	done
	[ "${#results[@]}" -gt 1 ] || return 0
	printf '\n== %s, %s\n' "$1" "$SERVER"
	"$SEGUE" bench compare "${results[@]}" --html "$OUT/$1-$SERVER.html" --svg "$OUT/$1-$SERVER.svg" --force |
		tee "$OUT/$1-$SERVER.txt"
}

need haproxy haproxy
need curl curl
need iproute2 ip
need nftables nft
need dnsmasq-base dnsmasq
mkdir -p "$OUT"
./nginx.sh "$NGINX"
for SERVER in ${SERVERS:-fe mariadb tidb cluster}; do
	export SERVER
	if [ "$SERVER" = cluster ]; then
		for experiment in ${EXPERIMENTS:-load-upgrade load-upgrade-retry load-upgrade-again load-kill load-kill-retry load-kill-again}; do
			for FRONT in ${FRONTS:-direct haproxy-cloud nginx-operator segue-unkept segue}; do
				export FRONT
				run_loads "$experiment"
			done
			compare "$experiment"
		done
		continue
	fi
	install "$SERVER"
	for experiment in ${EXPERIMENTS:-rolling kill hang refuse all-down restart}; do
		for FRONT in ${FRONTS:-direct dns haproxy-cloud haproxy-tuned nginx segue}; do
			export FRONT
			case $experiment-$FRONT in
			restart-direct | restart-dns) ;; # there is nothing to restart
			*) run "$experiment" ;;
			esac
		done
		compare "$experiment"
	done
done
cd "$root"
$GO run ./bench/experiments/publish "$OUT"
printf '\nall of it took %s s\n' "$SECONDS"
