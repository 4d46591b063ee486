"""How fast rows leave flight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from events.pace import LONGEST, REST, SHORTEST, Pace

BEGIN = datetime(2027, 3, 14, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def steady(rate: int, *, seconds: int, lapsing: int = 0) -> Pace:
    """A thousand in flight; each second so many are settled, so many lapse, and as many are claimed."""
    pace = Pace()
    for second in range(seconds + 1):
        pace.look(1000 - (rate + lapsing if second else 0), BEGIN + second * SECOND, lapsed=lapsing)
        pace.claimed(rate + lapsing if second else 0)
    return pace


def test_nothing_is_known_at_first() -> None:
    pace = Pace()
    pace.look(1000, BEGIN)
    pace.look(0, BEGIN + SHORTEST - timedelta(microseconds=1))
    assert pace.rows_within(SECOND) is None


def test_it_is_what_left_flight_while_as_much_was_claimed() -> None:
    assert steady(300, seconds=5).rows_within(40 * SECOND) == 12_000


def test_what_lapsed_was_not_worked_off() -> None:
    assert steady(300, seconds=5, lapsing=200).rows_within(SECOND) == 300


def test_a_workerless_machine_has_none() -> None:
    assert steady(0, seconds=5).rows_within(40 * SECOND) == 0


def test_what_others_claim_makes_it_no_less_than_none() -> None:
    pace = Pace()
    for second in range(5):
        pace.look(1000 * second, BEGIN + second * SECOND)
    assert pace.rows_within(SECOND) == 0


def test_what_was_long_ago_is_forgotten() -> None:
    pace = steady(900, seconds=3)
    start = BEGIN + 3 * SECOND + LONGEST + SECOND
    for second in range(4):
        pace.look(1000, start + second * SECOND)
    assert pace.rows_within(SECOND) == 0


def test_lapses_are_remembered_for_as_long_as_the_pace() -> None:
    assert not steady(300, seconds=3).has_lapses
    pace = steady(300, seconds=3, lapsing=1)
    assert pace.has_lapses
    pace.look(1000, BEGIN + 3 * SECOND + LONGEST + SECOND)
    assert not pace.has_lapses


def test_who_waits_for_another_is_asked_for_at_once() -> None:
    assert Pace().may_ask(BEGIN)


def test_what_took_long_to_ask_is_asked_again_after_twenty_times_as_long() -> None:
    pace = Pace()
    pace.asked(BEGIN, BEGIN + SECOND)
    again = BEGIN + SECOND + REST * SECOND
    assert not pace.may_ask(BEGIN + SECOND)
    assert not pace.may_ask(again - timedelta(microseconds=1))
    assert pace.may_ask(again)


def test_what_took_no_time_may_be_asked_again_at_once() -> None:
    pace = Pace()
    pace.asked(BEGIN, BEGIN)
    assert pace.may_ask(BEGIN)


def test_a_quick_answer_shortens_the_rest_after_a_slow_one() -> None:
    pace = Pace()
    pace.asked(BEGIN, BEGIN + 10 * SECOND)
    later = BEGIN + 300 * SECOND
    pace.asked(later, later + SECOND / 1000)
    assert pace.may_ask(later + SECOND)
