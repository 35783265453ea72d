# The server's pppd is killed: its session never gets a Stop.
dial c1 "$USERNAME" "$PASSWORD"; wait_up c1 || exit 1
ping_tunnel c1 3
kill_server_pppd c1
