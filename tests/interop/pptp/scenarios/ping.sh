# Dial, ping PINGS times through the tunnel, hang up.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
ping_tunnel c1 "${PINGS:-5}"
hangup c1; wait_down c1
