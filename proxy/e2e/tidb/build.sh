#!/bin/sh
# build.sh builds the tidb-server of the end-to-end suite from Go modules alone, at the version that go.mod pins.
#
# It takes 6 to 15 minutes on two cores, 2.5 GB of memory and 3 GB of Go build cache the first time, seconds while that
# cache is there, and nothing when the program is. The program goes under the cache directory: $SEGUE_CACHE, or .cache in
# the repository's root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${SEGUE_CACHE:-$(cd "$here/../../.." && pwd)/.cache}/e2e
go=${GO:-go}

# The version that the server tells its clients: Segue knows a TiDB by it. The source is of August 2025.
label=v9.0.0-beta.1

cd "$here"
stamp="$(cat go.mod go.sum build.sh | cksum) $($go version)"
if [ -x "$cache/tidb/tidb-server" ] && [ "$(cat "$cache/tidb.stamp" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
echo "e2e setup: go build tidb-server (6 to 15 minutes the first time)"
mkdir -p "$cache/tidb"
rm -f "$cache/tidb.stamp"
$go build -trimpath -tags codes \
	-ldflags "-s -w -X github.com/pingcap/tidb/pkg/parser/mysql.TiDBReleaseVersion=$label" \
	-o "$cache/tidb/tidb-server" github.com/pingcap/tidb/cmd/tidb-server
echo "$stamp" >"$cache/tidb.stamp"
