"""What follows from the finished control and reply lists: the last steps of the walk, and the Decision.

The rule: Auth-Type Reject refuses; then Expiration and Login-Time (the first of each) refuse or bound the session.
A bound replaces the first Session-Timeout when that is longer, or adds one. What the reply list holds for the server
itself (internal attributes, empty values) is not sent.
"""

from collections.abc import Sequence
from typing import Final

from radiusd.dictionary.attributes import Attribute, Dictionary
from radiusd.policy import login_time, passwords
from radiusd.policy.decision import Decision
from radiusd.policy.items import Item, with_number
from radiusd.policy.rules import RuleList, Summary
from radiusd.protocol.attribute_types import SESSION_TIMEOUT

_REJECT: Final = 4
_TIMEOUT: Final = Attribute("Session-Timeout", SESSION_TIMEOUT, "integer", number=SESSION_TIMEOUT)

Sources = Sequence[tuple[str, RuleList]]
"""(table, rules) of every list that was applied, in order."""


def conclude(
    dictionary: Dictionary,
    user_name: str,
    control: Sequence[Item],
    reply: list[Item],
    groups: Sequence[str],
    sources: Sources,
    failed: str,
    now: float,
) -> Decision:
    """Make the decision; `failed` names the first check row that did not match, "" where none failed."""
    decision = Decision(known=True)
    decision.lasting = True
    decision.groups = tuple(groups)
    secrets: list[Item] = []
    deciding = _read_control(decision, control, secrets)
    known = passwords.read((item.attribute.name, item.value) for item in secrets)
    decision.passwords, decision.nt_hashes, decision.unsupported = known
    if deciding is not None and deciding.number == _REJECT:
        decision.rejected = "auth-type-reject"
    limit, limiting = _limit(decision, control, now)
    if limiting is not None:
        deciding = limiting
    if limit is not None:
        reply = _bounded(reply, limit, dictionary)
    if decision.rejected is None and failed and not secrets and decision.auth_type is None:
        decision.rejected = "check-mismatch"
        decision.rule = failed
    elif deciding is not None:
        decision.rule = _provenance(deciding, sources)
    elif groups:
        decision.rule = f"group {groups[0]}"
    else:
        decision.rule = _provenance(secrets[0], sources) if secrets else f"user {user_name}"
    summary = _summary(reply, sources)
    decision.reply, decision.reply_wire, decision.notes = summary.sent, summary.wire, summary.notes
    decision.session_timeout, decision.interim_interval = summary.session_timeout, summary.interim_interval
    decision.mppe_policy, decision.mppe_types = summary.mppe_policy, summary.mppe_types
    return decision


def _read_control(decision: Decision, control: Sequence[Item], secrets: list[Item]) -> Item | None:
    """Sort the control list into the decision and `secrets`; return the Auth-Type item that counts."""
    others: dict[int, tuple[bytes, ...]] = {}
    deciding: Item | None = None
    for item in control:
        role = item.role
        if role == "password":
            secrets.append(item)
        elif role == "auth-type":
            # Any Reject refuses; of the others the last one counts.
            if deciding is None or deciding.number != _REJECT:
                deciding = item
        elif item.attribute.key >= 0:
            key = item.attribute.key
            others[key] = (*others.get(key, ()), item.value)
    if others:
        decision.control = others
    if deciding is not None:
        decision.auth_type = deciding.attribute.format(deciding.value)
    return deciding


def _limit(decision: Decision, control: Sequence[Item], now: float) -> tuple[int | None, Item | None]:
    """Apply Expiration and Login-Time; return the seconds that are left, and the item that refuses."""
    expiration = next((item for item in control if item.role == "expiration"), None)
    window = next((item for item in control if item.role == "login-time"), None)
    if expiration is None and window is None:
        return None, None
    decision.lasting = False
    if decision.rejected is not None:
        return None, None
    limit: int | None = None
    if expiration is not None:
        limit = expiration.number - int(now)
        if limit <= 0:
            decision.rejected = "expired"
            return None, expiration
    if window is not None:
        left = login_time.parse(window.text).remaining(now)
        if left is not None:
            if left < login_time.MINIMUM:
                decision.rejected = "outside-login-time"
                return None, window
            limit = left if limit is None else min(limit, left)
    return limit, None


def _bounded(reply: list[Item], limit: int, dictionary: Dictionary) -> list[Item]:
    """Return the reply with a Session-Timeout of at most `limit` seconds."""
    for at, item in enumerate(reply):
        if item.identity == SESSION_TIMEOUT:
            if item.number <= limit:
                return reply
            return [*reply[:at], with_number(item.attribute, limit), *reply[at + 1 :]]
    return [*reply, with_number(dictionary.keyed(SESSION_TIMEOUT) or _TIMEOUT, limit)]


def _provenance(item: Item, sources: Sources) -> str:
    """Name the row that an item of a list came from, the last one where several are equal."""
    for table, rules in reversed(sources):
        for row_id, candidate in reversed(rules.entries):
            if candidate is item:
                return f"{table} {row_id}"
    return ""


def _summary(reply: list[Item], sources: Sources) -> Summary:
    """Sum up the reply, from memory when it is one unchanged list of rows."""
    for table, rules in reversed(sources):
        if rules.items is reply and table.endswith("reply"):
            return rules.summary()
    return Summary(reply)
