#!/usr/bin/env bash
# What stands between the clients and the servers of servers.sh, by the name in $FRONT: it listens on 127.0.0.1:19030.
#   front.sh run       in the foreground
#   front.sh listens   whether it does
#   front.sh next      in the foreground: what takes its place, once front.sh restart says so
#   front.sh restart   the operator restarts it, as one does with this front; returns when the old one has gone, or has been told to go
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

await() { until "$@" 2>/dev/null; do sleep 0.01; done; }
listens() { : <"/dev/tcp/127.0.0.1/19030"; }
gone() { ! kill -0 "$1"; }

case $1 in
run) echo $$ >"$DATA.front" ;;
next)
	trap : USR1
	echo $$ >"$DATA.next"
	sleep infinity &
	wait $! || kill $!
	;;
restart) old=$(<"$DATA.front") next=$(<"$DATA.next") ;;
esac
case $FRONT-$1 in
direct-run) exec tail -f /dev/null ;; # nothing: the clients know one server
haproxy-cloud-run | haproxy-cloud-next) exec haproxy -db -f "$FRONT.cfg" ;;
haproxy-tuned-run) exec haproxy -W -db -f "$FRONT.cfg" ;;
segue-next) exec "$SEGUE" serve --config "segue-$SERVER.yaml" --takeover ;;
segue-run) exec "$SEGUE" serve --config "segue-$SERVER.yaml" ;;
direct-*) ;;
*-listens) listens ;;
haproxy-cloud-restart) kill -TERM "$old" && await gone "$old" && kill -USR1 "$next" && await listens ;;
haproxy-tuned-restart) kill -USR2 "$old" ;; # its reload: another process gets the sockets, the old one serves its sessions to their end
segue-restart) kill -USR1 "$next" ;; # a takeover, to the same effect
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
