"""The story of one decision, step by step, for `explain` and for tests.

The rule: a trace is written only when somebody asked for it, in words that an operator understands, and it never
holds a password or another secret.
"""

from typing import Final

MOST_STEPS: Final = 1000
"""A trace that is full stops taking steps; the last one says so."""


class Trace:
    """Collects the steps of one evaluation, in order."""

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps: list[str] = []

    def add(self, step: str) -> None:
        """Tell one more step."""
        if len(self.steps) < MOST_STEPS:
            self.steps.append(step)
        elif len(self.steps) == MOST_STEPS:
            self.steps.append("… further steps are left out")

    def __str__(self) -> str:
        return "\n".join(self.steps)
