# Dial and keep the tunnel busy until the server cuts it.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
keep_busy c1
wait_down c1 "${WAIT:-60}"
