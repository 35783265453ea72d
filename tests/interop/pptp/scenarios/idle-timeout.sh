# Dial, ping for a moment, then stay silent until the server cuts it.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
ping_tunnel c1 3
event silent link=c1
wait_down c1 "${WAIT:-60}"
