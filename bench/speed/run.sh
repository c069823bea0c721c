#!/usr/bin/env bash
# Measures Segue's speed beside HAProxy's in a network namespace of its own. As root, on Linux; installs what it needs on Debian.
# Arguments go to the program: bench/speed/run.sh -parts statements -conns 1,64 -rounds 5
set -euo pipefail
cd "$(dirname "$0")/../.."
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
missing=()
command -v haproxy >/dev/null || missing+=(haproxy)
command -v ip >/dev/null || missing+=(iproute2)
[ ${#missing[@]} = 0 ] || $sudo apt-get install -y --no-install-recommends "${missing[@]}"
mkdir -p .cache/speed
${GO:-go} build -o .cache/speed/speed ./bench/speed
ulimit -n "$(ulimit -Hn)"
exec $sudo unshare --net bash -euc '
	ip link set lo up
	for net in 127.0.0.0/8 127.0.0.1; do
		ip route replace local "$net" dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic
	done
	exec .cache/speed/speed "$@"' speed "$@"
