"""The policy as it is in force: users, groups, clients, and the decisions that were already made from them.

The rule: one process has one current snapshot, which changes only by `apply`, in one step and at a cost that follows
the change; everything in it is immutable and replaced, never edited. Its owner is the event loop. A decision that
lasts is remembered by user name; a change of that user drops it at once, while a change of a group or of a profile
only moves the snapshot's stamp: a decision with an older stamp is looked at once more, and kept when the groups it was
made from are still the same objects.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from radiusd.dictionary.attributes import Dictionary
from radiusd.policy.clients import ClientTable, address
from radiusd.policy.decision import Decision
from radiusd.policy.items import ItemTable
from radiusd.policy.model import Client, Group, Problem, User

MOST_REMEMBERED: Final = 100_000
"""Decisions in each of two generations: when the newer is full it becomes the older, and the older is forgotten."""

Owner = tuple[str, str]
"""("user", name), ("group", name) or ("client", nas.id): whose rows a problem is in."""


class Delta(NamedTuple):
    """What has changed, parsed and ready to be put in force; None stands for what is gone.

    `problems` has an entry, maybe empty, for each name that was read.
    """

    users: Mapping[str, User | None]
    groups: Mapping[str, Group | None]
    clients: Mapping[int, Client | None]
    problems: Mapping[Owner, tuple[Problem, ...]]


class Snapshot:
    """Users, groups and clients of one generation, which `apply` turns into the next."""

    __slots__ = (
        "_clients",
        "_list",
        "_newer",
        "_older",
        "_problems",
        "_profiles",
        "_stamp",
        "dictionary",
        "formats",
        "generation",
        "groups",
        "items",
        "users",
    )

    def __init__(
        self,
        dictionary: Dictionary,
        items: ItemTable | None = None,
        users: dict[str, User] | None = None,
        groups: dict[str, Group] | None = None,
        clients: Mapping[int, Client] | None = None,
        problems: Mapping[Owner, tuple[Problem, ...]] | None = None,
        generation: int = 1,
    ) -> None:
        """Take what was loaded; the dicts are the snapshot's own from now on."""
        self.dictionary = dictionary
        self.formats = dictionary.formats
        self.items = items if items is not None else ItemTable(dictionary)
        self.users = users if users is not None else {}
        self.groups = groups if groups is not None else {}
        self.generation = generation
        self._clients = ClientTable()
        for nas_id, client in (clients or {}).items():
            self._clients.put(nas_id, client)
        self._problems = {owner: found for owner, found in (problems or {}).items() if found}
        self._list: list[Problem] | None = None
        self._newer: dict[str, Decision] = {}
        self._older: dict[str, Decision] = {}
        self._profiles: set[str] = set()
        self._stamp = 0

    @property
    def clients(self) -> list[Client]:
        """Return all clients by their ids."""
        return self._clients.values()

    @property
    def problems(self) -> list[Problem]:
        """Return what is wrong with rows, by table and row."""
        if self._list is None:
            found = [problem for problems in self._problems.values() for problem in problems]
            self._list = sorted([*found, *self._clients.conflicts()])
        return self._list

    def client_for(self, host: str) -> Client | None:
        """Find the client with the longest prefix that holds this source address."""
        return self._clients.find(host)

    def user(self, name: str) -> User | None:
        """Find a user by the exact name."""
        return self.users.get(name)

    @staticmethod
    def packed(host: str, v6: bool) -> list[bytes]:
        """Return a source address in wire form, nothing when it is of the other family."""
        found = address(host)
        return [found.packed] if found is not None and (found.version == 6) == v6 else []

    def apply(self, delta: Delta) -> None:
        """Put a change in force: from the next call on, every answer is by the new rows."""
        for name, user in delta.users.items():
            if user is None:
                self.users.pop(name, None)
            else:
                self.users[name] = user
            self._newer.pop(name, None)
            self._older.pop(name, None)
        for name, group in delta.groups.items():
            if group is None:
                self.groups.pop(name, None)
            else:
                self.groups[name] = group
        for nas_id, client in delta.clients.items():
            self._clients.put(nas_id, client)
        for owner, problems in delta.problems.items():
            if problems:
                self._problems[owner] = problems
            else:
                self._problems.pop(owner, None)
        if delta.groups or not self._profiles.isdisjoint(delta.users):
            self._stamp += 1
        self._list = None
        self.generation += 1

    def remembered(self, name: str) -> Decision | None:
        """Return the decision that was made for this user and still holds."""
        decision = self._newer.get(name)
        if decision is None:
            decision = self._older.pop(name, None)
            if decision is None:
                return None
            self._keep(name, decision)
        if decision.stamp == self._stamp:
            return decision
        if self._holds(decision):
            decision.stamp = self._stamp
            return decision
        del self._newer[name]
        return None

    def remember(self, name: str, decision: Decision) -> None:
        """Keep a decision that neither the request nor the time played a part in."""
        decision.stamp = self._stamp
        if decision.profile is not None:
            self._profiles.add(decision.profile[0])
        self._keep(name, decision)

    def _keep(self, name: str, decision: Decision) -> None:
        if len(self._newer) >= MOST_REMEMBERED:
            self._older, self._newer = self._newer, {}
        self._newer[name] = decision

    def _holds(self, decision: Decision) -> bool:
        """Tell whether all that the decision was made from is still in force."""
        profile = decision.profile
        if profile is not None and self.users.get(profile[0]) is not profile[1]:
            return False
        return all(self.groups.get(name) is group for name, group in decision.depends)
