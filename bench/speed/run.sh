#!/usr/bin/env bash
# Measures Segue's speed beside HAProxy's in a network namespace of its own. As root, on Linux; installs what it needs on Debian.
# Arguments go to the program: bench/speed/run.sh -parts statements -conns 1,64 -rounds 5
set -euo pipefail
cd "$(dirname "$0")/../.."
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
missing=()
PATH=$PATH:/usr/sbin:/sbin
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need haproxy haproxy
need strace strace
need sysbench sysbench
need mariadbd mariadb-server-core
need ip iproute2
if [ ${#missing[@]} -gt 0 ]; then
	command -v apt-get >/dev/null || { echo "missing: ${missing[*]}; this is no Debian: install what these Debian packages hold, then run this again" >&2; exit 1; }
	$sudo apt-get install -y --no-install-recommends "${missing[@]}"
fi
mkdir -p .cache/speed
nginx=$PWD/.cache/nginx
bench/experiments/nginx.sh "$nginx"
${GO:-go} build -o .cache/speed/speed ./bench/speed
ulimit -n "$(ulimit -Hn)"
exec $sudo unshare --net bash -euc '
	ip link set lo up
	for net in 127.0.0.0/8 127.0.0.1; do
		ip route replace local "$net" dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic
	done
	exec .cache/speed/speed "$@"' speed -nginx "$nginx/usr/sbin/nginx" "$@"
