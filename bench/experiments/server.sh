#!/usr/bin/env bash
# server.sh VERB N: what happens to server N of servers.sh. VERB is one of
#   ready    wait until it serves
#   leave    a graceful exit as its operator does it: an FE by stop_fe.sh -g, TiDB by SIGTERM, MariaDB by SIGTERM once it is drained at the front
#   kill     kill -9
#   start    after leave or kill; returns when it serves, and is let in at the front again
#   hang     for 10 s it answers nothing: SIGSTOP, SIGCONT
#   refuse   for 10 s it has as many sessions as it may have, and refuses logins with an ERR packet
set -euo pipefail
cd "$(dirname "$0")"
n=$2 port=1903$2 health=http://127.0.0.1:1803$2 # as servers.sh has them

await() { until "$@" >/dev/null 2>&1; do sleep 0.1; done; }
fe() { curl -sSf -X POST "http://127.0.0.1:18030/fe-$n/$1"; }
sql() { mariadb --no-defaults -h 127.0.0.1 -P "$port" -u root -e "$1"; }
signal() { kill "-$1" "$(cat "$DATA/$n.pid")"; }
gone() { ! signal 0; }
fe_gone() { ! curl -sf "http://127.0.0.1:18030/fe-$n"; }

case $SERVER-$1 in
fe-ready) await curl -sf "$health/api/health" ;;
fe-leave) fe leave && await fe_gone ;;
fe-kill) fe kill ;;
fe-start) fe start && "$0" ready "$n" ;;
fe-hang) fe hang && sleep 10 && fe heal ;;
fe-refuse) fe full && sleep 10 && fe heal ;;

tidb-ready) await curl -sf "$health/status" && await sql 'SELECT 1' ;;
mariadb-ready) await sql 'SELECT 1' ;;
tidb-leave) signal TERM && await gone ;;
mariadb-leave) ./front.sh drain "$n" && signal TERM && await gone ;;
*-kill) signal KILL && await gone ;;
*-start)
	echo >"$DATA/$n.start"
	"$0" ready "$n"
	[ "$SERVER" != mariadb ] || ./front.sh ready "$n"
	;;
*-hang) signal STOP && sleep 10 && signal CONT ;;
*-refuse) sql 'SET GLOBAL max_connections = 10; DO SLEEP(10); SET GLOBAL max_connections = 200' ;; # over a session that it has already
*) sed -n '2,/^set/{/^#/p}' "$0" >&2 && exit 2 ;;
esac
