#!/usr/bin/env bash
# Builds the program as it is in a release: the same source and the same Go give the same bytes, whatever this machine's Go is otherwise told (go env), and
# whatever tags the commit has.
#
#   deploy/release/build.sh SOURCE VERSION COMMIT OS ARCH FILE
set -euo pipefail
GO=${GO:-go}
cd "$1"
# Where modules come from and are kept is this machine's affair.
for name in GOPROXY GOSUMDB GONOSUMDB GONOPROXY GOPRIVATE GOMODCACHE GOCACHE GOTOOLCHAIN; do
	export "$name=$("$GO" env "$name")"
done
export GOENV=off GOFLAGS= GOWORK=off GOEXPERIMENT= GOFIPS140=off GOAMD64=v1 GOARM64=v8.0 CGO_ENABLED=0
GOOS=$4 GOARCH=$5 "$GO" build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$2 -X main.revision=$3" -o "$6" ./cmd/segue
