# One call after the other for each of USERS ("name:password name:password ..."), links u1, u2, ...
n=0
for pair in $USERS; do
    n=$((n + 1))
    dial u$n "${pair%:*}" "${pair##*:}"
    wait_up u$n || continue
    ping_tunnel u$n 2
    hangup u$n; wait_down u$n
done
