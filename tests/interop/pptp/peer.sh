#!/bin/bash
# Start or stop a FreeRADIUS for the lab (Debian's freeradius; its own service need not run).
#   ./peer.sh start|stop        on 127.0.0.1:21812 and :21813, secret testing123
# Settings: PEER_AUTH_PORT PEER_ACCT_PORT PEER_SECRET PEER_RUN (its folder, default runs/freeradius)
set -euo pipefail
lab=$(cd "$(dirname "$0")" && pwd)
export PEER_AUTH_PORT=${PEER_AUTH_PORT:-21812} PEER_ACCT_PORT=${PEER_ACCT_PORT:-21813}
export PEER_SECRET=${PEER_SECRET:-testing123} PEER_RUN=${PEER_RUN:-$lab/runs/freeradius}
case ${1:-} in
start)
    mkdir -p "$PEER_RUN"
    rm -f "$PEER_RUN/radius.log"
    freeradius -d "$lab/freeradius" -D "$lab/freeradius" -f -l "$PEER_RUN/radius.log" > "$PEER_RUN/stdout.log" 2>&1 &
    echo $! > "$PEER_RUN/pid"
    for _ in $(seq 100); do
        grep -qs "Ready to process requests" "$PEER_RUN/radius.log" && exit 0
        kill -0 "$(cat "$PEER_RUN/pid")" 2> /dev/null || break
        sleep 0.1
    done
    tail -n 20 "$PEER_RUN"/{stdout,radius}.log >&2
    exit 1 ;;
stop)
    kill "$(cat "$PEER_RUN/pid")"
    rm "$PEER_RUN/pid" ;;
*)
    sed -n '2,4s/^# //p' "$0"
    exit 2 ;;
esac
