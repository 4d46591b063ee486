"""How long and how often a call is tried again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from punctual_cli.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USUAL_SECONDS = 30.0
FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0


@dataclass
class Patience:
    """So many seconds of waiting between the tries of one call, all in all."""

    seconds: float
    tell: Callable[[str], None]
    _waits: int = field(default=0, init=False)

    def wait(self, why: str, *, at_least: float = 0.0) -> bool:
        """Wait before another try, and say so; False, at once, where the patience is not enough for it."""
        backoff = min(FIRST_WAIT * 2**self._waits, LONGEST_WAIT)
        pause = at_least + backoff * random.uniform(0.5, 1)  # noqa: S311 - spreads callers
        if pause > self.seconds:
            return False
        self._waits += 1
        self.seconds -= pause
        self.tell(f"{why}; trying again in {pause:.1f} s.")
        time.sleep(pause)
        return True


def patience_seconds(environment: Mapping[str, str]) -> float:
    """Return PUNCTUAL_PATIENCE, in seconds. Raises WrongUsage."""
    given = environment.get("PUNCTUAL_PATIENCE", "")
    if not given:
        return USUAL_SECONDS
    if not given.isascii() or not given.isdigit() or len(given) > 5:
        problem = f"PUNCTUAL_PATIENCE: {given!r} is no number of seconds"
        raise WrongUsage(problem=problem, remedy="Give a whole number, such as 30; 0 tries once")
    return float(given)


def seconds_asked(headers: Mapping[str, str]) -> float:
    """Return how long Retry-After asks to wait, in seconds; its date is compared with the server's own clock."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    until, now = _date(asked), _date(headers.get("date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else 0.0


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
