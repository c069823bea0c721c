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

# nginx has no other way to take a server out than its file, read again. In $DATA.nginx/down are those that are out.
nginx_servers() {
	for n in 1 2 3; do
		down=
		[ ! -e "$DATA.nginx/down/$n" ] || down=' down'
		echo "server 127.0.0.1:1903$n$down;"
	done >"$DATA.nginx/servers.conf"
}
nginx_reload() { nginx_servers && kill -HUP "$(<"$DATA.front")"; }
nginx_run() {
	rm -rf "$DATA.nginx"
	mkdir -p "$DATA.nginx/down"
	ln -s "$NGINX/usr/lib/nginx/modules" "$DATA.nginx/modules"
	cp nginx.conf "$DATA.nginx/"
	nginx_servers
	exec "$NGINX/usr/sbin/nginx" -p "$DATA.nginx/" -c nginx.conf -e error.log
}

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
direct-run | dns-run | jdbc-loadbalance-run) exec tail -f /dev/null ;; # nothing: the clients know one server, a name (names.sh), or all three
haproxy-cloud-run | haproxy-cloud-next) exec haproxy -db -f "$FRONT.cfg" ;;
haproxy-tuned-run) exec haproxy -W -db -f "$FRONT.cfg" ;;
segue-next) exec "$SEGUE" serve --config "segue-$SERVER.yaml" --takeover ;;
nginx-run) nginx_run ;;
segue-run) exec "$SEGUE" serve --config "segue-$SERVER.yaml" ;;
direct-* | dns-listens | jdbc-loadbalance-*) ;; # nobody tells the driver
*-listens) listens ;;
haproxy-cloud-restart) kill -TERM "$old" && await gone "$old" && kill -USR1 "$next" && await listens ;;
haproxy-tuned-restart) kill -USR2 "$old" ;; # its reload: another process gets the sockets, the old one serves its sessions to their end
nginx-restart) kill -HUP "$old" ;; # its reload, likewise
segue-restart) kill -USR1 "$next" ;; # a takeover, to the same effect
haproxy-*-drain) haproxy_says "set server mysql/server-$2 state drain" && sleep 5 ;;
haproxy-*-ready) haproxy_says "set server mysql/server-$2 state ready" ;;
nginx-drain) touch "$DATA.nginx/down/$2" && nginx_reload && sleep 5 ;; # its sessions stay with the old workers
nginx-ready) rm -f "$DATA.nginx/down/$2" && nginx_reload ;;
dns-drain) ./names.sh without "$2" && sleep 5 ;;
dns-ready) ./names.sh with "$2" ;;
segue-drain)
	sleep 5 &
	"$SEGUE" drain "server-$2" --admin 127.0.0.1:19130 --wait
	wait
	;;
segue-ready) "$SEGUE" ready "server-$2" --admin 127.0.0.1:19130 ;;
*) echo "$0 $*: unknown, or unknown front $FRONT" >&2 && exit 2 ;;
esac
