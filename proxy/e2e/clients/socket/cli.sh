#!/bin/sh
# The command line client by a UNIX socket: called with PATH USER PASSWORD STOP, it opens sessions with state of their own until the file STOP is there, and
# prints how many.
set -eu
path=$1 user=$2 stop=$4
export MYSQL_PWD="$3"
sessions=0
while [ ! -e "$stop" ]; do
  got=$(mariadb --no-defaults -S "$path" -u "$user" -N -e 'SET @held = 7; SELECT @held; DO SLEEP(0.02); SELECT @held; DO SLEEP(0.02); SELECT @held')
  [ "$got" = "$(printf '7\n7\n7')" ] || { echo "got: $got" >&2; exit 1; }
  sessions=$((sessions + 1))
done
echo "$sessions"
