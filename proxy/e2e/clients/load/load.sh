#!/bin/bash
# load.sh loads files with curl, one for each line on standard input, as load_client_test.go says.
set -u

url=$1 user=$2 password=$3
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

while IFS=$'\t' read -r way table label file; do
	arguments=(-sS --max-time 120 --location-trusted -u "$user:$password" -H "column_separator:," -o "$answer" -w '%{http_code}')
	[ "$label" = - ] || arguments+=(-H "label:$label")
	body=$file
	case $way in
	file) arguments+=(-H "Expect:100-continue" -T "$file") ;;
	stdin) arguments+=(-H "Expect:100-continue" -T -) ;;
	plain) arguments+=(-H "Expect:" -T "$file") ;;
	chunks) arguments+=(-H "Expect:" -T -) ;;
	http10) arguments+=(--http1.0 -H "Expect:" -T "$file") ;;
	gzip)
		gzip -c "$file" >"$answer.gz"
		body=$answer.gz
		arguments+=(-H "Expect:100-continue" -H "compression:gzip" -T "$body")
		;;
	json) arguments+=(-H "Expect:100-continue" -H "format:json" -H "strip_outer_array:true" -T "$file") ;;
	parquet) arguments+=(-H "Expect:100-continue" -H "format:parquet" -T "$file") ;;
	merge) arguments+=(-H "Expect:100-continue" -H "enable_merge_commit:true" -H "merge_commit_interval_ms:50" -H "merge_commit_parallel:1" -T "$file") ;;
	*) echo "failed	no such way: $way" && continue ;;
	esac
	: >"$answer"
	if code=$(curl "${arguments[@]}" "$url/api/$table/_stream_load" <"$body" 2>"$answer.err"); then
		printf 'answer\t%s\t%s\n' "$code" "$(tr -d '\r\n' <"$answer")"
	else
		printf 'lost\t%s\n' "$(tr -d '\r\n' <"$answer.err")"
	fi
	rm -f "$answer.err" "$answer.gz"
done
