#!/usr/bin/env bash
# names.sh COMMAND…: runs it where mysql.example has the addresses 127.0.1.1 to 127.0.1.3, and port 19030 of each is a server of servers.sh. What
# Segue's bench dials there it dials as Go's database/sql does: it looks the name up for each connection, and tries one address after the other.
# In network and mount namespaces of its own, so as root; the kernel passes connections on, so that a refused one is refused.
#   names.sh without N    the name no longer has server N's address
#   names.sh with N       … and has it again
set -euo pipefail
hosts=$DATA.hosts
case ${1-} in
without | with)
	sed -i "/^127\.0\.1\.$2 /d" "$hosts"
	[ "$1" = without ] || echo "127.0.1.$2 mysql.example" >>"$hosts"
	kill -HUP "$(<"$DATA.dnsmasq")"
	exit
	;;
inside) shift ;;
*) exec unshare --net --mount "$0" inside "$@" ;;
esac

ip link set lo up
nft -f - <<END
table ip names {
	chain out {
		type nat hook output priority -100;
		ip daddr 127.0.1.1 tcp dport 19030 dnat to 127.0.0.1:19031
		ip daddr 127.0.1.2 tcp dport 19030 dnat to 127.0.0.1:19032
		ip daddr 127.0.1.3 tcp dport 19030 dnat to 127.0.0.1:19033
	}
}
END
printf '127.0.1.%s mysql.example\n' 1 2 3 >"$hosts"
echo 'nameserver 127.0.0.1' >"$DATA.resolv"
mount --bind "$DATA.resolv" "$(realpath /etc/resolv.conf)"
dnsmasq --conf-file=/dev/null --keep-in-foreground --no-hosts --addn-hosts="$hosts" --no-resolv --listen-address=127.0.0.1 --bind-interfaces \
	--pid-file="$DATA.dnsmasq" --user="$(id -un)" &
names=$!
"$@" &
command=$!
trap 'kill -TERM $command' INT TERM
code=0
wait $command || code=$?
while kill -0 $command 2>/dev/null; do wait $command || code=$?; done # a signal ends wait, not the command
kill $names
exit $code
