#!/bin/bash
# The PPTP server, then the scenario. /guest is this folder (read only), /out the run's folder
# on the host; /out/settings.sh holds what run.sh was given.
. /out/settings.sh
. /guest/links.sh
mkdir -p $STATE /run/pptp
echo 0 > $STATE/links
: > $STATE/names
hostname nas
ip link set lo up
busybox syslogd -O /out/syslog.log

# The server's namespace owns the only way out: 10.0.2.2 is the host's loopback.
ip netns add srv
uplink=$(ls /sys/class/net | grep -E '^e' | head -n 1)
ip link set "$uplink" netns srv
srv ip link set lo up
srv ip link set "$uplink" name up0
srv ip addr add 10.0.2.15/24 dev up0
srv ip link set up0 up
printf '127.0.0.1 localhost\n%s nas\n' "$NAS_IP" > /etc/hosts

radius_client() {
    local port auth= acct=
    mkdir -p /etc/radiusclient
    cat /guest/dictionary /out/dictionary.extra > /etc/radiusclient/dictionary 2> /dev/null
    : > /etc/radiusclient/port-id-map
    for port in $RADIUS_AUTH_PORT; do auth+=${auth:+,}10.0.2.2:$port; done
    for port in $RADIUS_ACCT_PORT; do acct+=${acct:+,}10.0.2.2:$port; done
    cat > /etc/radiusclient/radiusclient.conf <<CONF
auth_order radius
login_tries 4
login_timeout 60
nologin /etc/nologin
issue /etc/radiusclient/issue
login_radius /usr/sbin/login.radius
authserver $auth
acctserver $acct
servers /etc/radiusclient/servers
dictionary /etc/radiusclient/dictionary
mapfile /etc/radiusclient/port-id-map
seqfile /run/radius.seq
radius_timeout $RADIUS_TIMEOUT
radius_retries $RADIUS_RETRIES
${NAS_ID:+nas_identifier $NAS_ID}
CONF
    (umask 077; echo "10.0.2.2 $RADIUS_SECRET" > /etc/radiusclient/servers)
}

ppp_server() {
    local auth mppe
    case $AUTH in
        mschapv2) auth="require-mschap-v2 refuse-mschap refuse-chap refuse-pap" ;;
        mschap) auth="require-mschap refuse-mschap-v2 refuse-chap refuse-pap" ;;
        chap) auth="require-chap refuse-mschap-v2 refuse-mschap refuse-pap" ;;
        pap) auth="require-pap refuse-mschap-v2 refuse-mschap refuse-chap" ;;
        *) auth=$AUTH ;;
    esac
    case $MPPE in
        128) mppe=require-mppe-128 ;;
        40) mppe="require-mppe-40 nomppe-128" ;;
        none) mppe=nomppe ;;
        *) mppe=$MPPE ;;
    esac
    cat > /etc/ppp/pptpd-options <<OPTIONS
name pptpd
$auth refuse-eap $mppe
lock nodefaultroute nobsdcomp nodeflate novj novjccomp
debug dump nologfd logfile /out/server.log
plugin radius.so radius-config-file /etc/radiusclient/radiusclient.conf
plugin radattr.so
$SERVER_OPTS
OPTIONS
    install -m 755 /guest/ip-updown.sh /etc/ppp/ip-up
    install -m 755 /guest/ip-updown.sh /etc/ppp/ip-down
    printf '%s\n' "option /etc/ppp/pptpd-options" "connections 60" "localip 10.8.0.1" "remoteip $POOL" > /etc/pptpd.conf
    srv pptpd --conf /etc/pptpd.conf --pidfile /run/pptpd.pid
}

listening() { srv ss -Htln 'sport = :1723' | grep -q .; }

radius_client
srv tcpdump -Z root -i up0 -U --immediate-mode -s 0 -w - udp > /out/radius.pcap 2> /out/tcpdump.log &
until_true 5 test -s /out/radius.pcap || event error message="tcpdump does not capture"
ppp_server
until_true 10 listening || event error message="pptpd does not listen"
cp /etc/radiusclient/radiusclient.conf /etc/ppp/pptpd-options /etc/pptpd.conf /out
event ready kernel="$(uname -r)"

( . /out/scenario.sh )
event scenario_done rc=$?

for name in $(cat $STATE/names); do
    [ -e "$STATE/up.client:$name" ] || continue
    hangup "$name"; wait_down "$name" 15
done
kill "$(cat /run/pptpd.pid)"
sleep 0.3
kill $(jobs -p); wait
dmesg | tail -n 40 > /out/dmesg.log
event end
sync
