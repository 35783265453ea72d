#!/bin/bash
# Boot the lab's machine, let it run one scenario against a RADIUS server on this host's
# loopback, and print what happened as JSON.
#
#   ./run.sh SCENARIO [KEY=VALUE ...]
#
# SCENARIO is a file, or the name of one in scenarios/. Keys (the environment counts too):
#   USERNAME PASSWORD   who calls                                        (alice, password)
#   RADIUS_AUTH_PORT    UDP port on 127.0.0.1; several are a failover list (1812)
#   RADIUS_ACCT_PORT    likewise                                         (1813)
#   RADIUS_SECRET       shared secret                                    (testing123)
#   RADIUS_TIMEOUT      seconds pppd waits for an answer                 (10)
#   RADIUS_RETRIES      how often pppd sends a request in all            (3)
#   AUTH                mschapv2, mschap, chap, pap, or pppd options     (mschapv2)
#   MPPE                128, 40, none, or pppd options                   (128)
#   NAS_IP              the NAS-IP-Address that pppd sends               (10.0.2.15)
#   NAS_ID              send this NAS-Identifier instead
#   POOL                addresses that pptpd gives away                  (10.8.0.100-150)
#   SERVER_OPTS         more pppd options at the server                  (noipv6 lcp-echo-interval 5 lcp-echo-failure 3)
#   CLIENT_OPTS         more pppd options at the client
#   DICT_EXTRA          file with more lines for pppd's dictionary
#   OUT                 the run's folder                                 (runs/DATE-SCENARIO)
#   DEADLINE            seconds until the machine is stopped             (300)
#   ACCEL               kvm or tcg                                       (kvm where the processor has it)
# Any other KEY=VALUE reaches the scenario as a variable.
#
# A scenario may wait for the host (await_host NAME): make the file OUT/go.NAME.
# Exit: 0 a link came up, 2 none did, 3 the machine failed or ran past DEADLINE.
set -euo pipefail

lab=$(cd "$(dirname "$0")" && pwd)
fail() { echo "run.sh: $*" >&2; exit 3; }
[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 3; }
scenario=$1; shift
[ -f "$scenario" ] || scenario=$lab/scenarios/$scenario.sh
[ -f "$scenario" ] || fail "no scenario $scenario; there are $(cd "$lab/scenarios" && echo *.sh)"

keys=(USERNAME PASSWORD RADIUS_AUTH_PORT RADIUS_ACCT_PORT RADIUS_SECRET RADIUS_TIMEOUT RADIUS_RETRIES
      AUTH MPPE NAS_IP NAS_ID POOL SERVER_OPTS CLIENT_OPTS)
for pair in "$@"; do
    [[ $pair =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || fail "not KEY=VALUE: $pair"
    export "${pair?}"
    keys+=("${pair%%=*}")
done
: "${USERNAME:=alice}" "${PASSWORD:=password}" "${AUTH:=mschapv2}" "${MPPE:=128}"
: "${RADIUS_AUTH_PORT:=1812}" "${RADIUS_ACCT_PORT:=1813}" "${RADIUS_SECRET:=testing123}"
: "${RADIUS_TIMEOUT:=10}" "${RADIUS_RETRIES:=3}" "${NAS_IP:=10.0.2.15}" "${NAS_ID:=}" "${POOL:=10.8.0.100-150}"
: "${SERVER_OPTS=noipv6 lcp-echo-interval 5 lcp-echo-failure 3}" "${CLIENT_OPTS:=}"
: "${OUT:=$lab/runs/$(date +%Y%m%d-%H%M%S)-$(basename "$scenario" .sh)}"

command -v qemu-system-x86_64 > /dev/null || fail "qemu-system-x86_64 is missing (apt-get install qemu-system-x86)"
image=$("$lab/build.sh") || fail "there is no image"

mkdir -p "$OUT"; OUT=$(cd "$OUT" && pwd)
[ -z "$(ls -A "$OUT")" ] || fail "$OUT is not empty"
cp "$scenario" "$OUT/scenario.sh"
cp "${DICT_EXTRA:-/dev/null}" "$OUT/dictionary.extra"
for key in "${keys[@]}"; do printf '%s=%q\n' "$key" "${!key}"; done > "$OUT/settings.sh"

# A nested KVM without the processor's help is slower than plain emulation.
if [ -z "${ACCEL:-}" ]; then
    ACCEL=tcg
    if [ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }; then ACCEL=kvm; fi
fi
cpu=qemu64; [ "$ACCEL" = tcg ] || cpu=host

started=$(date +%s.%3N)
timeout -k 5 "${DEADLINE:-300}" qemu-system-x86_64 -accel "$ACCEL" -cpu $cpu -smp 1 -m 384 \
    -nodefaults -no-user-config -no-reboot -display none -rtc base=utc \
    -kernel "$image/vmlinux" -initrd "$image/initrd.cpio" \
    -append "console=ttyS0 quiet loglevel=3 panic=-1 cryptomgr.notests rdinit=/init" \
    -serial "file:$OUT/console.log" -device virtio-rng-pci \
    -netdev user,id=up,ipv6=off -device virtio-net-pci,netdev=up,romfile= \
    -fsdev "local,id=guest,path=$lab/guest,security_model=none,readonly=on" \
    -device virtio-9p-pci,fsdev=guest,mount_tag=guest \
    -fsdev "local,id=out,path=$OUT,security_model=none" \
    -device virtio-9p-pci,fsdev=out,mount_tag=out \
    < /dev/null 2> "$OUT/qemu.log" &
machine=$!
trap 'kill $machine 2> /dev/null || true' EXIT
code=0; wait $machine || code=$?
trap - EXIT
exec python3 "$lab/summary.py" "$OUT" --started "$started" --machine-exit "$code" --versions "$image/versions.txt"
