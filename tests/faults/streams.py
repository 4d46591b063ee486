"""What faults meet: the streams of rows, each of one kind, that come due one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from events.handling import Kind
from tests.faults.handlers import CALL, EFFECT

STEPS = {"SECONDLY": timedelta(seconds=1), "HOURLY": timedelta(hours=1)}


@dataclass(frozen=True)
class Stream:
    """One rule over its own entities, each of which is due `times` times, the first time `begins` after the others.

    `share` is its part of an experiment's rows, and may be above 1; `path` is how the receiver behaves to it.
    `elsewhere`: it calls the rig's second address, where nobody listens until a step has it so.
    """

    name: str
    handler: str
    kind: Kind
    share: float
    times: int = 25
    freq: str = "SECONDLY"
    begins: timedelta = timedelta(0)
    path: str = "/ok"
    elsewhere: bool = False
    payload: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def entities(self, rows: int) -> int:
        """How many entities make its share of the rows."""
        return max(1, round(self.share * rows / self.times))

    @property
    def rrule(self) -> str:
        """Its recurrence; none if it is due once."""
        return f"FREQ={self.freq};COUNT={self.times}" if self.times > 1 else ""

    @property
    def lasts(self) -> timedelta:
        """From the common beginning to its last due moment."""
        return self.begins + (self.times - 1) * STEPS[self.freq]


def mix(times: int = 25, *, slow: int = 200) -> tuple[Stream, ...]:
    """The usual: all three kinds, some of each so slow (in ms) that they are met in the middle."""
    path, effect = f"/slow?ms={slow}", {"ms": slow / 4}
    return (
        Stream("effects", EFFECT, Kind.TRANSACTIONAL, 0.38, times),
        Stream("slow-effects", EFFECT, Kind.TRANSACTIONAL, 0.02, times, payload=effect),
        Stream("hooks", "webhook", Kind.IDEMPOTENT, 0.2, times),
        Stream("slow-hooks", "webhook", Kind.IDEMPOTENT, 0.1, times, path=path),
        Stream("calls", CALL, Kind.NON_IDEMPOTENT, 0.2, times),
        Stream("slow-calls", CALL, Kind.NON_IDEMPOTENT, 0.1, times, path=path),
    )
