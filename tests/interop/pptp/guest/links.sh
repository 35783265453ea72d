# What a scenario is written in. A link has a name and lives in a client namespace of its own,
# cli-NAME, which a veth pair joins to the server's: server 10.9.N.1, client 10.9.N.2, where N
# counts the links from 1. pppd's ipparam on the server's side is the client's address.
STATE=/run/lab
PATH=/usr/sbin:/usr/bin:/sbin:/bin

srv() { ip netns exec srv "$@"; }
cli() { local name=$1; shift; ip netns exec "cli-$name" "$@"; }

number_of() { cat "$STATE/number.$1"; }
client_ip() { echo "10.9.$(number_of "$1").2"; }

# event NAME KEY=VALUE...: one JSON object a line in /out/events.jsonl
event() {
    local pair value line
    line="{\"time\":$(date +%s.%3N),\"event\":\"$1\""; shift
    for pair in "$@"; do
        value=${pair#*=}
        if ! [[ $value =~ ^-?(0|[1-9][0-9]*)(\.[0-9]+)?$ ]]; then
            value=${value//\\/\\\\}; value=${value//\"/\\\"}; value=${value//$'\n'/\\n}; value=${value//$'\t'/\\t}
            value="\"$value\""
        fi
        line+=",\"${pair%%=*}\":$value"
    done
    echo "$line}" >> /out/events.jsonl
}

# until_true SECONDS COMMAND...: 0 as soon as the command succeeds, 1 after that many seconds
until_true() {
    local tries=$(($1 * 5)); shift
    while ! "$@"; do
        ((tries-- > 0)) || return 1
        sleep 0.2
    done
}

# await_host NAME [SECONDS]: go on when the host has made the file /out/go.NAME
await_host() {
    event awaiting name="$1"
    until_true "${2:-60}" test -e "/out/go.$1" || { event error message="the host never said go.$1"; return 1; }
}

pppd_quote() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

# wire NAME: the client's namespace and cable, once
wire() {
    local name=$1 n
    [ -e "$STATE/number.$name" ] && return
    n=$(($(cat $STATE/links) + 1)); echo $n > $STATE/links; echo $n > "$STATE/number.$name"
    echo "$name" >> $STATE/names
    ip netns add "cli-$name"
    ip link add s$n netns srv type veth peer name eth0 netns "cli-$name"
    srv ip addr add 10.9.$n.1/24 dev s$n; srv ip link set s$n up
    cli "$name" ip addr add 10.9.$n.2/24 dev eth0; cli "$name" ip link set eth0 up
    cli "$name" ip link set lo up
    srv tcpdump -Z root -i s$n -U -s 0 -c 2000 -w - proto 47 > "/out/gre.$name.pcap" 2> /dev/null &
}

# dial NAME USER PASSWORD: start a PPTP client and return at once
dial() {
    local name=$1 user=$2 n mppe
    wire "$name"; n=$(number_of "$name")
    case $MPPE in
        128) mppe=require-mppe-128 ;;
        40) mppe=$'require-mppe-40\nnomppe-128' ;;
        none) mppe=nomppe ;;
    esac
    cat > "$STATE/client.$name.options" <<OPTIONS
user $(pppd_quote "$user")
password $(pppd_quote "$3")
noauth
refuse-eap
nobsdcomp
nodeflate
novj
noipdefault
nodefaultroute
nodetach
debug
$mppe
$CLIENT_OPTS
OPTIONS
    rm -f "$STATE/exit.$name"
    event dial link="$name" user="$user" client_ip="10.9.$n.2"
    ( cli "$name" pppd file "$STATE/client.$name.options" unit $((100 + n)) ipparam "client:$name" \
          pty "pptp 10.9.$n.1 --nolaunchpppd --loglevel 1" logfile "/out/client.$name.log" > /dev/null 2>&1
      code=$?
      rm -f "$STATE/up.client:$name"
      event client_exit link="$name" code=$code
      echo $code > "$STATE/exit.$name" ) &
}

both_up() { [ -e "$STATE/up.client:$1" ] && [ -e "$STATE/up.$(client_ip "$1")" ]; }
both_up_or_gone() { both_up "$1" || [ -e "$STATE/exit.$1" ]; }

# wait_up NAME [SECONDS]: until both ends have their addresses
wait_up() {
    if until_true "${2:-40}" both_up_or_gone "$1" && both_up "$1"; then
        local local remote ifname
        . "$STATE/up.client:$1"
        event link_up link="$1" ip="$local" peer="$remote" ifname="$ifname"
    else
        event link_failed link="$1" code="$(cat "$STATE/exit.$1" 2> /dev/null || echo timeout)"
        return 1
    fi
}

server_down() { [ ! -e "$STATE/up.$(client_ip "$1")" ] && { [ -e "$STATE/exit.$1" ] || [ -e "$STATE/cut.$1" ]; }; }

# wait_down NAME [SECONDS]: until the server's side has ended the session and the client is gone
wait_down() {
    if until_true "${2:-60}" server_down "$1"; then event link_down link="$1"
    else event error message="link $1 is still up after ${2:-60} s"; return 1; fi
}

# ping_tunnel NAME COUNT [INTERVAL]: through the tunnel, with a pattern that must not be seen outside it
ping_tunnel() {
    local name=$1 local remote ifname line sent received
    [ -e "$STATE/up.client:$name" ] || { event ping link="$name" sent=0 received=0; return 1; }
    . "$STATE/up.client:$name"
    line=$(cli "$name" ping -n -q -I "$ifname" -c "$2" -i "${3:-1}" -W 2 -p 6c6162706c61696e "$remote" 2>&1 |
           grep 'packets transmitted')
    sent=${line%% *}; received=${line#*, }; received=${received%% *}
    event ping link="$name" sent="${sent:-0}" received="${received:-0}"
    [ "${received:-0}" -gt 0 ]
}

# keep_busy NAME: pings in the background for as long as the link is up
keep_busy() {
    local local remote ifname
    . "$STATE/up.client:$1"
    cli "$1" ping -n -q -i 1 -w 300 -I "$ifname" "$remote" > /dev/null 2>&1 &
}

# signal_in NAMESPACE SIGNAL NAMES: to the programs of a namespace whose name matches
signal_in() {
    local pid
    for pid in $(ip netns pids "$1"); do
        [[ $(cat "/proc/$pid/comm" 2> /dev/null) =~ ^($3)$ ]] && kill "-$2" "$pid"
    done
    return 0
}

# hangup NAME: the client ends the call in order
hangup() { event hangup link="$1"; signal_in "cli-$1" TERM pppd; }

# vanish NAME: the client is killed and its cable pulled
vanish() {
    event vanish link="$1"
    cli "$1" ip link set eth0 down
    signal_in "cli-$1" KILL 'pppd|pptp'
    touch "$STATE/cut.$1"
}

# kill_server_pppd NAME: kill -9 of the server's pppd, so that no Stop is ever sent
kill_server_pppd() {
    local pppd key; key=$(client_ip "$1")
    . "$STATE/up.$key"
    event kill_server_pppd link="$1" pid="$pppd"
    kill -9 "$pppd"
    rm -f "$STATE/up.$key"
}

# power_cut: the whole NAS loses power, now
power_cut() { event power_cut; sync; busybox poweroff -f; sleep 60; }

# clock_stands COMMAND...: run it with the wall clock held at one second, then let the clock catch up.
# ppp 2.4.9 makes its session ids of the second alone, so what dials meanwhile gets the same id.
clock_stands() {
    local second before after holder
    second=$(date +%s); read -r before _ < /proc/uptime
    ( while :; do date -s "@$second" > /dev/null; sleep 0.3; done ) &
    holder=$!
    "$@"
    kill $holder; wait $holder 2> /dev/null
    read -r after _ < /proc/uptime
    date -s "@$((second + ${after%.*} - ${before%.*}))" > /dev/null
}
