"""What a handler may answer. An exception instead of an answer means: try again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Completed:
    """The effect happened. `result` (small, JSON) is kept with the attempt."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retry:
    """The effect did not happen and may succeed later: after `after`, or by the rule's backoff if None."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Postpone:
    """Not now: ask again at `until` (aware). Costs no attempt."""

    until: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decline:
    """There is nothing to do for this occurrence, and that is fine: it ends SKIPPED."""

    why: str


@dataclass(frozen=True, slots=True)
class Reject:
    """The effect can never succeed: FAILED at once, waiting for a person."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """The handler cannot know whether the effect happened: UNKNOWN where a second call would not be safe."""

    why: str


Outcome = Completed | Retry | Postpone | Decline | Reject | Unsure
