#!/bin/sh
# clean.sh KIND PATH: from a Debian that has never seen Segue to the first statements that are balanced, with the commands and the seconds they took.
#
#	clean.sh deb segue_1.0.0-1_amd64.deb
#	clean.sh tarball segue-1.0.0-linux-amd64.tar.gz     with the program segue somewhere in it
#	clean.sh image ROOT                                 a folder with an image's files, the program at /segue
#
# As root. The Debian is made by mmdebstrap, with MariaDB's client, the application here; its network is its own, and the servers are simulated FEs in it.
set -eu

kind=$1
path=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
mkdir "$root"

now() { date +%s%N; }
# took SINCE WHAT says how long it was.
took() { echo "$(($(now) - $1))" "$2" | awk '{s = $1 / 1e9; sub(/^[^ ]+ /, ""); printf "%7.1f s  %s\n", s, $0}'; }

began=$(now)
mmdebstrap --quiet --variant=minbase --include=mariadb-client-core bookworm "$root" 2>"$work/mmdebstrap.log" || { cat "$work/mmdebstrap.log" >&2; exit 1; }
took "$began" "a fresh Debian (mmdebstrap; not counted below)"

case $kind in
deb | tarball) cp "$path" "$root/tmp/" ;;
image) mkdir "$root/image" && cp -a "$path/." "$root/image/" ;;
*) echo "clean.sh: KIND is deb, tarball or image" >&2; exit 2 ;;
esac

# What a person types in the fresh Debian. $segue runs the program.
cat >"$root/tmp/first.sh" <<'EOF'
set -eu
file=/tmp/$2
case $1 in
deb) set -x; dpkg -i "$file" >/dev/null; set +x; segue=segue ;;
tarball) set -x; tar -xzf "$file" -C /usr/local; set +x; segue=$(find /usr/local -type f -name segue -perm -100 | head -n 1) ;;
image) segue="chroot /image /segue" ;;
esac
installed=$(date +%s%N)
for n in 2 3; do $segue sim fe --listen 127.0.0.$n:9030 --name fe-$n --fid $n >/dev/null 2>&1 & done
set -x
$segue serve 127.0.0.2:9030 127.0.0.3:9030 >/tmp/serve.log 2>&1 &
set +x
# ask prints the name of the server that answers.
ask() { mariadb -h 127.0.0.1 -P 9030 -u root --skip-column-names -e "$1 SELECT @@hostname" 2>/dev/null; }
tries=0
until one=$(ask ""); do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || { cat /tmp/serve.log >&2; exit 1; }
	sleep 0.05
done
first=$(date +%s%N)
# Clients that are there at the same time.
names=$({
	for i in 1 2 3 4 5 6; do ask "SELECT SLEEP(1);" & clients="${clients:-} $!"; done
	wait $clients
} | grep fe- | sort -u | xargs)
echo "$installed $first $one $names" >/tmp/result
EOF
began=$(now)
unshare --mount --net --pid --fork --kill-child=KILL sh -c '
	ip link set lo up
	mount -t proc proc "$1/proc"
	mount --bind /dev "$1/dev"
	chroot "$1" sh /tmp/first.sh "$2" "$3"' sh "$root" "$kind" "$(basename "$path")"
read -r installed first one names <"$root/tmp/result"
echo "$((installed - began))" | awk '{printf "%7.1f s  installed\n", $1 / 1e9}'
echo "$((first - began)) $one" | awk '{printf "%7.1f s  the first statement was answered, by %s\n", $1 / 1e9, $2}'
[ "$(echo "$names" | wc -w)" -eq 2 ] || { echo "clean.sh: of two servers these answer: $names" >&2; exit 1; }
echo "           six clients came to: $names"
