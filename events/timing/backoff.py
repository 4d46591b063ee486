"""How long to wait before the next attempt: exponential, capped, with full jitter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from events.errors import InvalidField


class InvalidBackoff(InvalidField):
    """{field}: {problem}. {remedy}"""


def delay(failures: int, *, base: timedelta, cap: timedelta, random: Callable[[], float]) -> timedelta:
    """Return the wait after the nth failure in a row: uniform in [0, min(cap, base * 2**(failures - 1))).

    `random` gives a float in [0, 1). Source: "full jitter" (Brooker, Exponential Backoff And Jitter, 2015).
    Raises InvalidBackoff for failures < 1 or negative durations.
    """
    if failures < 1:
        raise InvalidBackoff(field="failures", problem=f"{failures} is too few", remedy="Count from 1")
    if min(base, cap) < timedelta(0):
        raise InvalidBackoff(
            field="backoff",
            problem=f"{base} or {cap} is negative",
            remedy="Give 0 or more",
        )
    return _ceiling(failures - 1, base, cap) * random()


def _ceiling(doublings: int, base: timedelta, cap: timedelta) -> timedelta:
    # Compared in whole doublings first: base * 2**doublings itself would overflow a timedelta.
    if base and (cap // base).bit_length() <= doublings:
        return cap
    return min(base * (1 << doublings), cap) if base else base
