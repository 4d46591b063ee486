"""What `retain` looks at, and what it drops: whole months of the log, and rows in sets."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import F

from events.errors import PunctualError
from events.models import Retention
from events.transitions.forgetting import Step, count_old, forget_old
from events.transitions.months import Month, months_of_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.transitions import Origin

# What ended within a year may decide what is sent in it again, and what was planned within a month may still run.
LEAST_LOG, LEAST_ROWS = timedelta(days=31), timedelta(days=400)
LONGEST = 36_500


class TooSoon(PunctualError):
    """--{what}: {given} days are too few. Keep {least} days at least: {why}."""


def age(text: str) -> timedelta:
    """A number of days, such as 400d."""
    found = re.fullmatch(r"(\d{1,5})d", text, re.ASCII)
    if found is None or int(found[1]) > LONGEST:
        raise ArgumentTypeError(f"{text!r} is no age. Write it in days: 400d.")
    return timedelta(days=int(found[1]))


def check_ages(log: timedelta | None, rows: timedelta | None) -> None:
    """Raises TooSoon for what somebody may still need."""
    if log is not None and log < LEAST_LOG:
        why = "a story should be there for as long as its occurrence concerns anybody"
        raise TooSoon(what="log", given=log.days, least=LEAST_LOG.days, why=why)
    if rows is not None and rows < LEAST_ROWS:
        why = "what was sent this year is known by its row, and would be sent again"
        raise TooSoon(what="rows", given=rows.days, least=LEAST_ROWS.days, why=why)


def months_before(cut: datetime) -> list[Month]:
    """The months of the log that were over by the cut."""
    return [month for month in months_of_log() if month.ends <= cut]


def count_rows(before: datetime, *, origin: Origin, tell: Callable[[int], None]) -> int:
    """How many rows ended before the instant and would be deleted. `tell` is given the last id of each set."""
    return _all_steps(lambda after: count_old(after, before=before, origin=origin), tell)


def delete_rows(before: datetime, *, origin: Origin, tell: Callable[[int], None]) -> int:
    """Delete them, set by set; how many. What an interruption leaves is found by the next run.

    First of all it is written down that they are dropped, so that nobody ever misses them.
    """
    record = Retention.objects.create(
        what=Retention.What.ROWS, before=before, dropped=0, dropped_at=origin.now, actor=origin.actor
    )

    def forget(after: int) -> Step | None:
        step = forget_old(after, before=before, origin=origin)
        if step:
            Retention.objects.filter(pk=record.pk).update(dropped=F("dropped") + step.rows)
        return step

    return _all_steps(forget, tell)


def _all_steps(look: Callable[[int], Step | None], tell: Callable[[int], None]) -> int:
    after = rows = 0
    while step := look(after):
        after, rows = step.last, rows + step.rows
        tell(after)
    return rows


def size_in_words(size: float) -> str:
    """Bytes as people read them: "0.1 MB", "1,234.5 MB"."""
    return f"{size / 1e6:,.1f} MB"


def instant_in_words(instant: datetime) -> str:
    """To the minute, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
