"""Whatever people do to their zones and dates, in whatever order: no birthday is lost, and none is sent twice.

The promise is told a second time here, in a few lines that know neither plans nor rows. A slot is *promised* once its
date is the person's and its moment, where the person is, is not over. A year in which a promised slot came due, while
its date was still the person's, has exactly one birthday; no year ever has two.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from events import operations, planning
from events.models import Occurrence
from events.operations import EntityFacts
from events.queries.audit import audit_log
from events.timing import Fold, Gap, resolve, zone
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

ZONES = (
    "Pacific/Pago_Pago", "America/New_York", "UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia",
    "Pacific/Kiritimati",
)  # fmt: skip
# Spring changes on both sides of the ocean; the turn of the year; a leap day.
BEGINNINGS = (datetime(2027, 3, 12, 5), datetime(2027, 12, 29, 17), datetime(2028, 2, 27, 23))
NINE = time(9)

# Between two looks of the planner, which are nearer to one another than anyone can fly.
STEPS = st.tuples(
    st.integers(min_value=0, max_value=26),
    st.one_of(
        st.sampled_from(ZONES),
        st.integers(min_value=-3, max_value=5),
        st.sampled_from(["2004-02-29", "look", "a year passes"]),
    ),
)


class Person:
    """What the promise says, from the facts alone."""

    def __init__(self, now: datetime, timezone: str, birthday: date) -> None:
        self.timezone, self.birthday = timezone, birthday
        self._promised: set[datetime] = set()
        self.promise(now)

    def due(self, slot: datetime) -> datetime:
        (found,) = resolve(slot, zone(self.timezone), gap=Gap.SHIFT, fold=Fold.FIRST)
        return found.due_at

    def slots(self, now: datetime) -> list[datetime]:
        years = range(now.year - 1, now.year + 2)
        return [datetime.combine(_in_year(self.birthday, year), NINE) for year in years]

    def promise(self, now: datetime) -> None:
        self._promised |= {slot for slot in self.slots(now) if self.due(slot) >= now}

    def flies(self, timezone: str, now: datetime) -> None:
        self.timezone = timezone
        self.promise(now)

    def is_born(self, birthday: date, now: datetime) -> None:
        if birthday != self.birthday:
            self.birthday, self._promised = birthday, set()
        self.promise(now)

    def years_owed(self, now: datetime) -> set[int]:
        """The years of promised slots that have come due by now."""
        self.promise(now)
        return {slot.year for slot in self._promised if self.due(slot) <= now}


def _in_year(birthday: date, year: int) -> date:
    try:
        return birthday.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _sent() -> Counter[int]:
    slots = Occurrence.objects.filter(state="COMPLETED").values_list("slot", flat=True)
    return Counter(slot.year for slot in slots)


class Life:
    """A person, in the model and in the engines, and a clock for both."""

    def __init__(self, now: datetime, timezone: str, days: int, on_move: str) -> None:
        self.world = World(now)
        self.person = Person(now, timezone, self._day(days))
        self.owed: set[int] = set()
        self._put()
        self.world.rule(anchor="birthday", rrule="FREQ=YEARLY", handler="idempotent", on_move=on_move)

    def step(self, hours: int, deed: str | int) -> None:
        self.world.now += timedelta(hours=hours)
        self._deed(deed)()
        self._look()

    def _deed(self, deed: str | int) -> Callable[[], None]:
        if deed == "look":
            return lambda: None
        if deed == "a year passes":
            return self._a_year_passes
        if deed in ZONES:
            return lambda: self._changes(lambda: self.person.flies(str(deed), self.world.now))
        birthday = self._day(deed) if isinstance(deed, int) else date.fromisoformat(str(deed))
        return lambda: self._changes(lambda: self.person.is_born(birthday, self.world.now))

    def _day(self, days: int) -> date:
        there = self.world.now.date() + timedelta(days=days)
        return date(1990, 3, 1) if (there.month, there.day) == (2, 29) else there.replace(year=1990)

    def _changes(self, change: Callable[[], None]) -> None:
        # The engines looked a moment ago, and so know all that came due by now.
        self._look()
        change()
        self._put()

    def _a_year_passes(self) -> None:
        """With nobody looking; the day is that of the last look."""
        self._look()
        self.world.now += timedelta(days=364)

    def _put(self) -> None:
        birthday = self.person.birthday.isoformat()
        facts = EntityFacts("person", "alice", self.person.timezone, "Alice", {"birthday": birthday})
        operations.put_entities([facts], origin=self.world.origin())

    def _look(self) -> None:
        self.world.plan()
        self.world.recover()
        planning.replan_edited(origin=self.world.origin("engine:test"))
        self.world.sweep()
        self.owed |= self.person.years_owed(self.world.now)


@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    begin=st.sampled_from(BEGINNINGS),
    home=st.sampled_from(ZONES),
    days=st.integers(min_value=-1, max_value=4),
    steps=st.lists(STEPS, min_size=1, max_size=10),
)
def test_who_is_followed_has_exactly_one_birthday_in_each_year_in_which_one_came(
    begin: datetime, home: str, days: int, steps: list[tuple[int, str | int]]
) -> None:
    with transaction.atomic():
        life = Life(begin.replace(tzinfo=UTC), home, days, "follow")
        for hours, deed in steps:
            life.step(hours, deed)
            sent = _sent()
            assert {year: sent[year] for year in life.owed} == dict.fromkeys(life.owed, 1)
            assert max(sent.values(), default=0) <= 1
        assert audit_log().disagreements == ()
        transaction.set_rollback(True)


@settings(
    max_examples=8, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    home=st.sampled_from(ZONES),
    days=st.integers(min_value=-1, max_value=4),
    steps=st.lists(STEPS, min_size=1, max_size=10),
)
@example(
    home="Pacific/Pago_Pago", days=0, steps=[(0, 1), (0, "a year passes")]
)  # both are due when somebody looks
def test_who_keeps_what_is_planned_has_one_too_though_perhaps_on_the_day_that_was_planned(
    home: str, days: int, steps: list[tuple[int, str | int]]
) -> None:
    with transaction.atomic():
        life = Life(BEGINNINGS[0].replace(tzinfo=UTC), home, days, "keep")
        for hours, deed in steps:
            life.step(hours, deed)
            assert max(_sent().values(), default=0) <= 1
        for _ in range(4):  # what was planned is two days away at most
            life.step(24, "look")
        sent = _sent()
        assert {year: sent[year] for year in life.owed} == dict.fromkeys(life.owed, 1)
        assert audit_log().disagreements == ()
        transaction.set_rollback(True)
