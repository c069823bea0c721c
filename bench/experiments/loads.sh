#!/usr/bin/env bash
# What the experiments with Stream Loads start, and do to it: three simulated FEs and three BEs, and what stands before them, by the name in $FRONT.
#   loads.sh servers     in the foreground; loads go to 127.0.0.1:18031 to 18033, and the BEs are on 18041 to 18043
#   loads.sh front       in the foreground; loads go to 127.0.0.1:19080
#   loads.sh ready NODE  wait until it serves
#   loads.sh leave NODE  a graceful exit, as stop_fe.sh -g and stop_be.sh -g; returns when it is gone
#   loads.sh kill NODE   kill -9
#   loads.sh start NODE  after leave or kill; returns when it serves
set -euo pipefail
cd "$(dirname "$0")"
control=http://127.0.0.1:18030 node=${2:-}

await() { until "$@" >/dev/null 2>&1; do sleep 0.1; done; }
told() { curl -sSf -o /dev/null -X POST "$control/$node/$1"; }
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$control/$node")" = 410 ]; }
serves() {
	case $node in
	fe-*) curl -sf "http://127.0.0.1:1803${node#fe-}/api/health" ;;
	be-*) curl -sf "http://127.0.0.1:1804${node#be-}/api/health" ;;
	esac
}

# Kubernetes takes a pod out of its service as it tells it to leave: that is more than a load balancer knows, and less than there is for one that is killed.
service() {
	[ "$FRONT" = nginx-operator ] && [[ $node = fe-* ]] || return 0
	exec 3<>/dev/tcp/127.0.0.1/19029
	echo "set server service/$node state $1" >&3
	cat <&3 >/dev/null
}

nginx_run() {
	rm -rf "$DATA.nginx"
	mkdir -p "$DATA.nginx"
	haproxy -db -f loads-service.cfg &
	exec "$NGINX/usr/sbin/nginx" -p "$DATA.nginx/" -c "$PWD/loads-nginx-operator.conf" -e error.log
}

case $1-$FRONT in
servers-*) exec "$SEGUE" sim cluster --close-after-statement --backends 3 --be-http 127.0.0.1:18041 --publish 300ms --be-setting graceful_exit_wait_for_frontend_heartbeat=true ;;
front-direct) exec tail -f /dev/null ;; # the clients know one FE, the first
front-haproxy-cloud) exec haproxy -db -f loads-haproxy-cloud.cfg ;;
front-nginx-operator) nginx_run ;;
front-segue) exec "$SEGUE" serve --config segue-loads.yaml ;;
front-segue-unkept) exec "$SEGUE" serve --config segue-loads-unkept.yaml ;;
listens-direct) ;;
listens-*) : <"/dev/tcp/127.0.0.1/19080" ;;
ready-*) await serves ;;
leave-*) service drain && told leave && await gone ;;
kill-*) told kill && await gone ;;
start-*) told start && await serves && service ready ;;
*) sed -n '2,/^set/{/^#/p}' "$0" >&2 && exit 2 ;;
esac
