#!/bin/bash
# pppd runs this as ip-up and as ip-down, with: interface tty speed local remote ipparam
. /guest/links.sh
ifname=$1 local=$4 remote=$5 param=$6
side=server; [[ $param == client:* ]] && side=client
if [ "${0##*/}" = ip-down ]; then
    rm -f "$STATE/up.$param"
    event ${side}_ip_down key="$param" ifname="$ifname" connect_time="$CONNECT_TIME" \
        bytes_sent="$BYTES_SENT" bytes_received="$BYTES_RCVD"
    exit 0
fi
reply=()
if [ $side = server ] && [ -e "/var/run/radattr.$ifname" ]; then
    copy=radattr.$param.$(ls /out | grep -c "^radattr\.$param\.")
    cp "/var/run/radattr.$ifname" "/out/$copy"
    reply=(radattr="$copy" filter_id="$RADIUS_FILTER_ID" framed_route="$RADIUS_FRAMED_ROUTE")
fi
event ${side}_ip_up key="$param" ifname="$ifname" local="$local" remote="$remote" peer="$PEERNAME" \
    pid="$PPPD_PID" mtu="$(cat "/sys/class/net/$ifname/mtu")" "${reply[@]}"
printf '%s\n' "ifname=$ifname" "local=$local" "remote=$remote" "pppd=$PPPD_PID" > "$STATE/up.$param"
exit 0
