#!/bin/sh
# setup.sh installs what looks at packages and tries them, where a command is missing: Debian, as root or through sudo.
set -eu

missing=""
for need in lintian:lintian rpm:rpm rpmlint:rpmlint mmdebstrap:mmdebstrap unshare:util-linux; do
	command -v "${need%%:*}" >/dev/null 2>&1 || missing="$missing ${need#*:}"
done
[ -n "$missing" ] || exit 0
echo "packages setup: apt-get install$missing"
root=""
[ "$(id -u)" -eq 0 ] || root="sudo -n"
apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
log=$(mktemp)
# shellcheck disable=SC2086 # words on purpose
{ $apt update && $apt install -y --no-install-recommends $missing; } >"$log" 2>&1 || {
	tail -n 20 "$log" >&2
	exit 1
}
rm "$log"
