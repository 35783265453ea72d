# Dial and keep pinging for HOLD seconds, so that interims are sent; then hang up.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
ping_tunnel c1 "${HOLD:-70}"
hangup c1; wait_down c1
