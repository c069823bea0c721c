#!/bin/sh
# build.sh prepares what the Kubernetes tests run: kube-apiserver, built from Go modules alone at the version that go.mod pins, and
# Debian's etcd, unpacked and not installed: no service is started.
#
# kube-apiserver takes 4 to 10 minutes on two cores and 145 MB the first time, seconds while the Go build cache has it, and nothing when the
# program is there. Both programs go under the cache directory: $SEGUE_CACHE, or .cache in the repository's root.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${SEGUE_CACHE:-$(cd "$here/../../../.." && pwd)/.cache}/kube
go=${GO:-go}

say() { echo "kube setup: $*"; }
die() { echo "kube setup: $*" >&2; exit 1; }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

mkdir -p "$cache"
echo '*' >"$cache/.gitignore"

if ! [ -x "$cache/etcd" ]; then
	command -v apt-get >/dev/null || die "this is no Debian: put etcd, 3.4 or later, at $cache/etcd, then run this again"
	say "apt-get download etcd-server"
	rm -rf "$cache/etcd.tmp"
	mkdir -p "$cache/etcd.tmp"
	(
		cd "$cache/etcd.tmp"
		{ apt-get -q download etcd-server || { as_root apt-get -q update && apt-get -q download etcd-server; }; } >download.log 2>&1 ||
			{ cat download.log >&2; die "apt-get download etcd-server"; }
		dpkg-deb -x etcd-server_*.deb .
		mv usr/bin/etcd "$cache/etcd"
	)
	rm -rf "$cache/etcd.tmp"
fi

cd "$here"
stamp="$(cat go.mod go.sum build.sh | cksum) $($go version)"
if [ -x "$cache/kube-apiserver" ] && [ "$(cat "$cache/kube-apiserver.stamp" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
version=$(sed -n 's/^.*k8s.io\/kubernetes \(v[0-9.]*\).*$/\1/p' go.mod)
minor=${version#v1.}
minor=${minor%%.*}
versions=k8s.io/component-base/version # without them it says that it is v0.0.0
say "go build kube-apiserver $version (4 to 10 minutes the first time)"
rm -f "$cache/kube-apiserver.stamp"
CGO_ENABLED=0 $go build -trimpath \
	-ldflags "-s -w -X $versions.gitVersion=$version -X $versions.gitMajor=1 -X $versions.gitMinor=$minor" \
	-o "$cache/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
echo "$stamp" >"$cache/kube-apiserver.stamp"
