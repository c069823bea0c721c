#!/bin/sh
# What stands between the clients and three servers on 127.0.0.1: listens on port 19030, by the name in $FRONT.
set -eu
case $FRONT in
direct) exec tail -f /dev/null ;; # nothing: the clients connect to the first server
haproxy-*) exec haproxy -db -f "$FRONT.cfg" ;;
segue) exec "$SEGUE" serve --config segue.yaml ;;
*) echo "unknown front $FRONT" >&2; exit 2 ;;
esac
