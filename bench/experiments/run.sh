#!/usr/bin/env bash
# Runs each experiment through each front, and puts the fronts side by side: pages, JSON, CSV and pictures in $OUT. About 18 minutes.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v haproxy >/dev/null || ! command -v curl >/dev/null; then
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get install -y --no-install-recommends haproxy curl
fi
export SEGUE=${SEGUE:-$PWD/../../bin/segue}
OUT=${OUT:-$PWD/../../.cache/experiments}
mkdir -p "$OUT"
for experiment in ${EXPERIMENTS:-rolling kill hang all-down}; do
	results=()
	for front in ${FRONTS:-direct haproxy-cloud haproxy-tuned segue}; do
		port=19030 more=()
		[ "$front" != direct ] || port=19031
		[ "$front" != segue ] || more=(--segue 127.0.0.1:19130)
		printf '\n== %s, %s\n' "$experiment" "$front"
		rm -f "$OUT/$experiment-$front.json"
		FRONT=$front "$SEGUE" bench --experiment "$experiment.yaml" --dsn "root@tcp(127.0.0.1:$port)/" "${more[@]}" \
			--name "$front" --out "$OUT/$experiment-$front" || [ $? = 1 ] # 1: clients saw errors, which is what is measured
		results+=("$OUT/$experiment-$front.json")
	done
	printf '\n== %s\n' "$experiment"
	"$SEGUE" bench compare "${results[@]}" --html "$OUT/$experiment.html" --svg "$OUT/$experiment.svg" | tee "$OUT/$experiment.txt"
done
