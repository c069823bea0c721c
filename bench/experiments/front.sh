#!/usr/bin/env bash
# What stands between the clients and the servers of servers.sh, by the name in $FRONT: it listens on 127.0.0.1:19030.
#   front.sh run       in the foreground
#   front.sh listens   whether it does
#   front.sh drain N   the operator takes server N out, and gives its sessions 5 s
#   front.sh ready N   … and lets it in again
set -euo pipefail
cd "$(dirname "$0")"

# haproxy_says says one line to HAProxy's stats socket.
haproxy_says() {
	exec 3<>/dev/tcp/127.0.0.1/19029
	echo "$1" >&3
	cat <&3
}

case $FRONT-$1 in
direct-run) exec tail -f /dev/null ;; # nothing: the clients know one server
haproxy-*-run) exec haproxy -db -f "$FRONT.cfg" ;;
segue-run) exec "$SEGUE" serve --config "segue-$SERVER.yaml" ;;
direct-*) ;;
*-listens) : <"/dev/tcp/127.0.0.1/19030" ;;
haproxy-*-drain) haproxy_says "set server mysql/server-$2 state drain" && sleep 5 ;;
haproxy-*-ready) haproxy_says "set server mysql/server-$2 state ready" ;;
segue-drain)
	sleep 5 &
	"$SEGUE" drain "server-$2" --admin 127.0.0.1:19130 --wait
	wait
	;;
segue-ready) "$SEGUE" ready "server-$2" --admin 127.0.0.1:19130 ;;
*) echo "$0 $*: unknown, or unknown front $FRONT" >&2 && exit 2 ;;
esac
