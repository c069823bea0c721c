#!/usr/bin/env bash
# Upgrades three simulated FEs and three BEs under load, all of it: by an operator's script and HAProxy, or by `segue rollout`. It says what the clients saw.
#   upgrade.sh haproxy|segue
set -euo pipefail
cd "$(dirname "$0")"
front=$1
export SEGUE=${SEGUE:-$PWD/../../bin/segue} SERVER=fe
out=$(mktemp -d) # left for whoever wants to look
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
control=http://127.0.0.1:18030

await() { until "$@" 2>/dev/null; do sleep 0.1; done; }
listens() { : <"/dev/tcp/127.0.0.1/$1"; }
told() { curl -sf -X POST "$control/$1" >/dev/null; }
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$control/$1")" = 410 ]; }
haproxy_says() {
	exec 3<>/dev/tcp/127.0.0.1/19029
	echo "$1" >&3
	cat <&3
}
sessions() { haproxy_says "show stat" | awk -F, -v s="server-$1" '$2 == s {print $5}'; }
empty() { [ "$(sessions "$1")" = 0 ]; }

"$SEGUE" sim cluster --backends 3 --time-scale 0.1 --be-setting graceful_exit_wait_for_frontend_heartbeat=true >"$out/cluster" &
await listens 18030
case $front in
haproxy) haproxy -q -db -f haproxy-tuned.cfg & ;;
segue) "$SEGUE" serve --config segue-fe.yaml >"$out/segue" 2>&1 & ;;
esac
await listens 19030
"$SEGUE" bench --dsn 'root@tcp(127.0.0.1:19030)/' --duration 75s --out "$out/bench" >"$out/bench.log" 2>&1 &
load=$!
sleep 3 # of load, before anything happens
began=$SECONDS
if [ "$front" = segue ]; then
	mapfile -t names < <(sed -n 's/^\(be-[0-9]\): heartbeat \([0-9.:]*\),.*/--name=\1=\2/p' "$out/cluster")
	"$SEGUE" rollout run 127.0.0.1:19031,127.0.0.1:19032,127.0.0.1:19033 --user root --fleet 127.0.0.1:19130 --state "$out/rollout.json" --to-version 3.5.1 --no-backup \
		"${names[@]}" --name fe-1=127.0.0.1:19031 --name fe-2=127.0.0.1:19032 --name fe-3=127.0.0.1:19033 \
		--stop "$control/{{.Name}}/leave" --upgrade "$control/{{.Name}}/upgrade?version=3.5.1" --start "$control/{{.Name}}/start"
else
	for node in be-1 be-2 be-3 fe-2 fe-3 fe-1; do # who leads, and whether the cluster bears it, the operator has looked up
		number=${node#fe-}
		[ "$number" = "$node" ] || {
			haproxy_says "set server mysql/server-$number state drain" >/dev/null
			timeout 10 bash -c "$(declare -f sessions empty haproxy_says await); await empty $number" || echo "$node: $(sessions "$number") sessions do not leave"
		}
		told "$node/leave"
		await gone "$node"
		told "$node/upgrade?version=3.5.1"
		told "$node/start"
		[ "$number" = "$node" ] || {
			await curl -sf -o /dev/null "http://127.0.0.1:1803$number/api/health"
			haproxy_says "set server mysql/server-$number state ready" >/dev/null
		}
	done
fi
echo "$front: took $((SECONDS - began)) s"
wait "$load" || true
sed -n '/^errors, by/,$p' "$out/bench.log"
