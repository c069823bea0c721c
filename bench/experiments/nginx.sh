#!/usr/bin/env bash
# nginx.sh DIRECTORY unpacks Debian's nginx and its stream module there, without the service that its package brings along; DIRECTORY/usr/sbin/nginx is the program.
set -euo pipefail
to=$1
[ ! -x "$to/usr/sbin/nginx" ] || exit 0
rm -rf "$to" "$to.new"
mkdir -p "$to.new"
cd "$to.new"
apt-get -q download nginx libnginx-mod-stream >download.log 2>&1 || { cat download.log >&2 && echo 'apt-get update, then run this again' >&2 && exit 1; }
for package in *.deb; do dpkg-deb -x "$package" .; done
rm ./*.deb
mv "$to.new" "$to"
