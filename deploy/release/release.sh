#!/usr/bin/env bash
# Makes what a release consists of, from a clean checkout of its tag: tarballs, the image, packages, checksums. The same tag is the same bytes, with the same Go.
#
#   deploy/release/release.sh VERSION FOLDER     VERSION is the tag: v1.2.3. FOLDER is made, or has an earlier release, which goes.
set -euo pipefail
cd "$(dirname "$0")/../.."
GO=${GO:-go}
tag=${1-}
die() { printf 'release: %s\n' "$*" >&2; exit 2; }

[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || die "say which version: make release VERSION=v1.2.3 (not \"$tag\")"
[ $# -eq 2 ] || die "say where to: deploy/release/release.sh VERSION FOLDER"
changed=$(git status --porcelain)
[ -z "$changed" ] || die "the checkout has changes that are in no commit, so that nobody could make the same again; commit or stash them, or use another checkout (git worktree add ../release $tag):
$changed"
commit=$(git rev-parse -q --verify "refs/tags/$tag^{commit}") || die "there is no tag $tag; make it: git tag -a $tag -m $tag"
head=$(git rev-parse HEAD)
[ "$commit" = "$head" ] || die "$tag is $commit, and this is $head; go there: git checkout $tag"

version=${tag#v}
[ -z "$(ls -A "$2" 2>/dev/null)" ] || [ -f "$2/SHA256SUMS" ] || die "$2 has files, and no earlier release (SHA256SUMS); name another folder"
mkdir -p "$2"
out=$(cd "$2" && pwd)
rm -rf "${out:?}"/*
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH CGO_ENABLED=0 LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
umask 022
# What is in the commit, and nothing that lies beside it.
mkdir "$work/source"
git archive "$commit" | tar -x -C "$work/source"
cd "$work/source"

# build OS ARCH FILE
build() {
	deploy/release/build.sh "$work/source" "$tag" "$head" "$1" "$2" "$3"
}
# tarball FILE FOLDER: the folder beside it, whoever owns it here and whenever it was made.
tarball() {
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go=rX' --format=ustar -C "$work" -cf - "$2" | gzip -9n >"$1"
}

build "$("$GO" env GOHOSTOS)" "$("$GO" env GOHOSTARCH)" "$work/here"
"$work/here" man "$work/man"
mkdir "$work/completion"
"$work/here" completion bash >"$work/completion/segue.bash"
"$work/here" completion zsh >"$work/completion/_segue"
"$work/here" completion fish >"$work/completion/segue.fish"

for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
	name=segue-$version-${platform%/*}-${platform#*/}
	mkdir "$work/$name"
	build "${platform%/*}" "${platform#*/}" "$work/$name/segue"
	cp -r "$work/man" "$work/completion" LICENSE deploy/segue.example.yaml "$work/$name/"
	if [ "${platform%/*}" = linux ]; then cp -r deploy/systemd "$work/$name/"; fi
	tarball "$out/$name.tar.gz" "$name"
done

(cd deploy/image && CGO_ENABLED=0 "$GO" run . -version "$tag" -revision "$head" -created "$SOURCE_DATE_EPOCH" -out "$out" \
	-binary "linux/amd64=$work/segue-$version-linux-amd64/segue" -binary "linux/arm64=$work/segue-$version-linux-arm64/segue") | tee "$out/segue-$version-image.digests"

for arch in amd64 arm64; do
	(cd deploy/packages && "$GO" run . -binary "$work/segue-$version-linux-$arch/segue" -arch "$arch" -version "$tag" -man "$work/man" -completion "$work/completion" -out "$out")
done

rm -rf "$out/segue-$version-image" # the layout is in its archive
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS)
cat "$out/SHA256SUMS"
