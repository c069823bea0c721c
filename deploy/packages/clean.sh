#!/bin/sh
# clean.sh KIND PATH [KIND PATH ...]: from a Debian that has never seen Segue to the first statements that are balanced, with the commands and the seconds they took.
#
#	clean.sh deb segue_1.0.0-1_amd64.deb
#	clean.sh tarball segue-1.0.0-linux-amd64.tar.gz     with the program segue somewhere in it
#	clean.sh image ROOT                                 a folder with an image's files, the program at /segue
#
# As root. The Debian is made by mmdebstrap, with MariaDB's client, the application here; its network is its own, and the servers are simulated FEs in it.
set -eu

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

now() { date +%s%N; }
# seconds NANOSECONDS WHAT
seconds() { awk -v ns="$1" -v what="$2" 'BEGIN {printf "%7.1f s  %s\n", ns / 1e9, what}'; }

# What a person types in the fresh Debian. $segue runs the program.
cat >"$work/first.sh" <<'EOF'
set -eu
file=/tmp/$2
case $1 in
deb) set -x; dpkg -i "$file" >/dev/null; set +x; segue=segue ;;
tarball) set -x; tar -xzf "$file" -C /usr/local; set +x; segue=$(find /usr/local -type f -name segue -perm -100 | head -n 1) ;;
image) segue="chroot /image /segue" ;;
esac
installed=$(date +%s%N)
# ask ADDRESS SQL prints the name of the server that answers.
ask() { mariadb -h "$1" -P 9030 -u root --skip-column-names -e "$2 SELECT @@hostname" 2>/dev/null; }
# answer ADDRESS waits for the first answer.
answer() {
	tries=0
	until ask "$1" ""; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { cat /tmp/serve.log >&2; exit 1; }
		sleep 0.05
	done
}
# The cluster is there before Segue is: its start is not counted.
for n in 2 3; do
	$segue sim fe --listen 127.0.0.$n:9030 --name fe-$n --fid $n >/dev/null 2>&1 &
	answer 127.0.0.$n >/dev/null
done
ready=$(date +%s%N)
set -x
$segue serve 127.0.0.2:9030 127.0.0.3:9030 >/tmp/serve.log 2>&1 &
set +x
one=$(answer 127.0.0.1)
first=$(date +%s%N)
# Clients that are there at the same time.
names=$({
	for i in 1 2 3 4 5 6; do ask 127.0.0.1 "SELECT SLEEP(1);" & clients="${clients:-} $!"; done
	wait $clients
} | grep fe- | sort -u | xargs)
echo "$installed $ready $first $one $names" >/tmp/result
EOF

# try KIND PATH does it.
try() {
	root=$work/$1
	mkdir "$root"
	tar -xf "$work/debian.tar" -C "$root"
	cp "$work/first.sh" "$root/tmp/"
	case $1 in
	deb | tarball) cp "$2" "$root/tmp/" ;;
	image) mkdir "$root/image" && cp -a "$2/." "$root/image/" ;;
	*) echo "clean.sh: KIND is deb, tarball or image, not $1" >&2 && exit 2 ;;
	esac
	echo "$1: $(basename "$2")"
	began=$(now)
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --net --pid --fork --kill-child=KILL sh -c '
		ip link set lo up
		mount -t proc proc "$1/proc"
		mount --bind /dev "$1/dev"
		chroot "$1" sh /tmp/first.sh "$2" "$3"' sh "$root" "$1" "$(basename "$2")"
	read -r installed ready first one names <"$root/tmp/result"
	seconds "$((installed - began))" installed
	seconds "$((installed - began + first - ready))" "from nothing to the first statement through Segue, answered by $one"
	[ "$(echo "$names" | wc -w)" -eq 2 ] || { echo "clean.sh: of two servers these answer: $names" >&2 && exit 1; }
	echo "           six clients came to: $names"
}

[ $# -ge 2 ] || { echo "usage: clean.sh deb|tarball|image PATH [...]" >&2 && exit 2; }
began=$(now)
mmdebstrap --quiet --variant=minbase --include=mariadb-client-core bookworm "$work/debian.tar" 2>"$work/mmdebstrap.log" || { cat "$work/mmdebstrap.log" >&2 && exit 1; }
seconds "$(($(now) - began))" "a fresh Debian (mmdebstrap; not counted below)"
while [ $# -ge 2 ]; do
	try "$1" "$(realpath "$2")"
	shift 2
done
