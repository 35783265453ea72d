# The client disappears without a word; the server's LCP echo must notice.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
ping_tunnel c1 3
vanish c1
wait_down c1 "${WAIT:-60}"
