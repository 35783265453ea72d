# One boot for all that tests/interop/test_pptp.py promises. A link is named for its user, and all
# users have the same PASSWORD:
#   capped  is busy until Session-Timeout cuts it
#   quiet   falls silent until Idle-Timeout cuts it; it calls in the same second as capped, and so
#           (with ppp 2.4.9) under the same Acct-Session-Id
#   plain   lives past its first interim, then hangs up in order
#   orphan  lives past its first interim, then its pppd on the server is killed
twins() {
    dial capped capped "$PASSWORD"; dial quiet quiet "$PASSWORD"
    wait_up capped; wait_up quiet
}
wire capped; wire quiet
clock_stands twins
keep_busy capped
ping_tunnel quiet 2
event silent link=quiet

dial plain plain "$PASSWORD"; dial orphan orphan "$PASSWORD"
wait_up plain; wait_up orphan
ping_tunnel plain 5
keep_busy plain; keep_busy orphan
await_host listed
wait_down quiet; wait_down capped

await_host interims-seen 120
hangup plain; wait_down plain
kill_server_pppd orphan
