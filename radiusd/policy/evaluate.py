"""The walk from a user's rows to a decision, in the order of FreeRADIUS's rlm_sql and the modules behind it.

The rule (observed with FreeRADIUS 3.2.1):

1. The user's check rows by id; when all match, they go into the control list and his reply rows are applied. Without
   check rows, or when one does not match, the reply rows are not read.
2. Unless his Fall-Through is No: his groups by priority (equal ones by name, then id). The first whose check rows
   match, and one without check rows does, adds its rows and ends the search unless its reply rows say Fall-Through=Yes.
3. Unless that group's Fall-Through is No: the groups of the user named by a User-Profile control item, likewise.
4. Auth-Type Reject; Expiration and Login-Time, each of which lowers or adds Session-Timeout.

A bad row in a list that is read rejects. Reply items that never travel are dropped with a note.
Names are compared exactly. Nothing is remembered that looked at the request or the time.
"""

from radiusd.dictionary.attributes import Attribute
from radiusd.errors import PolicyError
from radiusd.policy import special
from radiusd.policy.conclusion import conclude
from radiusd.policy.decision import UNKNOWN, Decision
from radiusd.policy.items import Item, with_value
from radiusd.policy.model import Group, Memberships, Request, User
from radiusd.policy.operators import matches, merge
from radiusd.policy.rules import EMPTY_RULES, RuleList, parse_rows
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.trace import Trace
from radiusd.protocol.attribute_types import EVENT_TIMESTAMP, NAS_IP_ADDRESS, NAS_IPV6_ADDRESS, USER_PASSWORD

__all__ = ["Decision", "evaluate"]


def evaluate(snapshot: Snapshot, user_name: str, request: Request, now: float, trace: Trace | None = None) -> Decision:
    """Decide what the policy says to this user's request; `now` is in epoch seconds.

    With a trace nothing is taken from what was remembered, and every step is told.
    """
    if trace is None:
        remembered = snapshot.remembered(user_name)
        if remembered is not None:
            return remembered
    user = snapshot.users.get(user_name)
    if user is None:
        if trace is not None:
            trace.add(f"no row of any table names the user {user_name!r}")
        return UNKNOWN
    walk = _Walk(snapshot, user, request, now, trace)
    try:
        walk.run()
        decision = conclude(
            snapshot.dictionary, user.name, walk.control, walk.reply, walk.groups, walk.sources, walk.failed, now
        )
        decision.notes = (*walk.notes, *decision.notes)
    except _BadRowError as bad:
        decision = Decision(known=True, rejected="bad-row", rule=bad.rule)
        decision.notes = (*walk.notes, str(bad))
        decision.lasting = True
    decision.lasting = decision.lasting and walk.lasting
    if trace is not None:
        _tell(trace, decision)
    elif decision.lasting:
        decision.depends = tuple(walk.depends)
        decision.profile = walk.profile
        snapshot.remember(user_name, decision)
    return decision


def _tell(trace: Trace, decision: Decision) -> None:
    """End a trace: what was odd, what follows from the rows, and whether it lasts."""
    for note in decision.notes:
        trace.add(f"note: {note}")
    for attribute, value in decision.reply:
        trace.add(f"reply: {attribute.name} = {'(hidden)' if attribute.encrypt else attribute.format(value)}")
    if decision.rejected is not None:
        trace.add(f"rejected: {decision.rejected} by {decision.rule or 'the checks'}")
    else:
        trace.add(f"the policy lets the user in, by {decision.rule}, if the credentials are right")
    if not decision.lasting:
        trace.add("this outcome depends on the request or the time and is made anew for each login")


class _BadRowError(Exception):
    """A list that must be read holds a row that cannot be."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule


class _Walk:
    """One evaluation: the two lists as they grow, and what they were made from."""

    __slots__ = (
        "control",
        "depends",
        "failed",
        "groups",
        "lasting",
        "notes",
        "now",
        "profile",
        "reply",
        "request",
        "snapshot",
        "sources",
        "trace",
        "user",
    )

    def __init__(self, snapshot: Snapshot, user: User, request: Request, now: float, trace: Trace | None) -> None:
        self.snapshot = snapshot
        self.user = user
        self.request = request
        self.now = now
        self.trace = trace
        self.control: list[Item] = []
        self.reply: list[Item] = []
        self.groups: list[str] = []
        self.notes: list[str] = []
        self.lasting = True
        self.depends: list[tuple[str, Group | None]] = []
        self.profile: tuple[str, User | None] | None = None
        self.failed = ""
        self.sources: list[tuple[str, RuleList]] = []

    def run(self) -> None:
        """Read all lists that are to be read."""
        fall_through = self.own_rows()
        if fall_through is not False:
            fall_through = self.member_groups(self.user.memberships, fall_through)
        if fall_through is not False:
            name = next((item.value.decode() for item in self.control if item.role == "profile"), "")
            if name:
                profile = self.snapshot.users.get(name)
                self.profile = (name, profile)
                self.say(f"User-Profile {name!r}: its groups are read too")
                if profile is not None:
                    self.member_groups(profile.memberships, fall_through)

    def own_rows(self) -> bool | None:
        """Read the user's own rows; return his Fall-Through, None where he has none."""
        user = self.user
        table = self.snapshot.items
        if not user.checks:
            if user.replies:
                self.notes.append("radreply is not read for a user without a row in radcheck")
            return None
        checks = self.opened("radcheck", parse_rows(table, user.checks))
        if not self.all_match("radcheck", checks):
            self.say("the user's check rows do not match: his radreply rows are not read")
            return None
        self.control = self.merged("radcheck", self.control, checks)
        replies = self.opened("radreply", parse_rows(table, user.replies))
        self.reply = self.merged("radreply", self.reply, replies)
        return replies.fall_through

    def member_groups(self, memberships: Memberships, fall_through: bool | None) -> bool | None:
        """Read groups until one ends the search; return the last Fall-Through."""
        for _, name in memberships:
            group = self.snapshot.groups.get(name)
            self.depends.append((name, group))
            checks = self.opened("radgroupcheck", group.check_rules if group is not None else EMPTY_RULES)
            if not self.all_match("radgroupcheck", checks):
                self.say(f"group {name!r} does not match")
                continue
            self.say(f"group {name!r} matches")
            self.groups.append(name)
            self.control = self.merged("radgroupcheck", self.control, checks)
            replies = self.opened("radgroupreply", group.reply_rules if group is not None else EMPTY_RULES)
            self.reply = self.merged("radgroupreply", self.reply, replies)
            fall_through = replies.fall_through
            if not fall_through:
                break
        return fall_through

    def say(self, step: str) -> None:
        """Tell a step to whoever listens."""
        if self.trace is not None:
            self.trace.add(step)

    def opened(self, table: str, rules: RuleList) -> RuleList:
        """Return a list that can be used, its expansions filled in; raises _BadRowError for one that cannot."""
        if rules.bad is not None:
            row_id, message = rules.bad
            raise _BadRowError(f"{table} {row_id}", message)
        if rules.cautions:
            self.notes += [f"{table} {row_id}: {caution}" for row_id, caution in rules.cautions]
        return self.filled(table, rules) if rules.expands else rules

    def filled(self, table: str, rules: RuleList) -> RuleList:
        """Expand what stands in back quotes; a value that its attribute cannot hold is left out, as in FreeRADIUS."""
        entries = []
        for row_id, item in rules.entries:
            filled = item
            if item.expansion is not None:
                try:
                    filled = with_value(item, item.expansion.expand(self.printed), self.snapshot.dictionary)
                except PolicyError as error:
                    self.notes.append(f"{table} {row_id}: expanded to what cannot be used: {error}")
                    continue
            entries.append((row_id, filled))
        return RuleList(entries)

    def printed(self, attribute: Attribute) -> str:
        """Print the first instance of an attribute of the request, "" where there is none."""
        if attribute.internal:
            return self.user.name if attribute.name == "SQL-User-Name" else ""
        for value in self.instances(attribute.key):
            return attribute.format(value)
        return ""

    def instances(self, key: int) -> list[bytes]:
        """Return all instances of an attribute in the request; from now on the outcome is for this request alone."""
        self.lasting = False
        request = self.request
        if key == USER_PASSWORD:
            return [] if request.password is None else [request.password]
        values = [value for found, value in request.attributes if found == key]
        if not values and request.host and key in (NAS_IP_ADDRESS, NAS_IPV6_ADDRESS):
            # FreeRADIUS puts the packet's source where the NAS does not name itself.
            return self.snapshot.packed(request.host, key == NAS_IPV6_ADDRESS)
        if not values and key == EVENT_TIMESTAMP:
            return [int(self.now).to_bytes(4, "big")]
        return values

    def all_match(self, table: str, rules: RuleList) -> bool:
        """Tell whether all compared items of a check list match."""
        for row_id, item in rules.compared:
            matched = self.match(item)
            if self.trace is not None:
                self.trace.add(f"{table} {row_id}: {item.show()}: {'matches' if matched else 'does not match'}")
            if not matched:
                self.failed = self.failed or f"{table} {row_id}"
                return False
        return True

    def match(self, item: Item) -> bool:
        """Tell whether one compared item matches."""
        if item.special in ("source", "source6"):
            self.lasting = False
            return matches(item, self.snapshot.packed(self.request.host, item.special == "source6"))
        if item.special:
            self.lasting = self.lasting and not special.depends(item)
            groups = [name for _, name in self.user.memberships] if item.special == "SQL-Group" else ()
            return special.matches(item, self.user.name, groups, self.request, self.now)
        if item.attribute.internal or item.attribute.key < 0:
            return matches(item, ())
        values = self.instances(item.attribute.key)
        if item.identity == USER_PASSWORD and not values:
            return True
        return matches(item, values)

    def merged(self, table: str, before: list[Item], rules: RuleList) -> list[Item]:
        """Apply a list's items; `before` stays as it is."""
        if not rules.items:
            return before
        self.sources.append((table, rules))
        if self.trace is not None:
            for row_id, item in rules.entries:
                self.trace.add(f"{table} {row_id}: {item.show()}")
        # Lists are never changed in place, so that a parsed list may itself be the result.
        return rules.items if rules.simple and not before else merge(before, rules.items)
