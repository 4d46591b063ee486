"""What is handed out to several planners comes back in order, with whatever went wrong, and ends when it is told."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from events.planning import planners
from events.planning.planners import HANDED_OUT, Crew
from events.planning.serial import LOCK_CLASS, SEATS, only_pass, seated
from scheduler_project.env import InvalidSetting, Reader, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Of three."""
    crew = Crew(3)
    yield crew
    crew.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("planner")]


def results(found: Iterator[tuple[int, Callable[[], object]]]) -> list[object]:
    return [(item, result()) for item, result in found]


def test_what_came_of_each_comes_in_order_and_each_planner_has_a_seat_of_its_own(crew: Crew) -> None:
    first = threading.Barrier(3)
    seats = set()

    def work(item: int, seat: int | None) -> int:
        if item < 3:
            first.wait(10)
            seats.add(seat)
        return 10 * item

    assert results(crew.each(work, range(20))) == [(item, 10 * item) for item in range(20)]
    assert seats == {0, 1, 2}
    crew.finish()


def test_only_so_much_is_handed_out_before_somebody_asks(crew: Crew) -> None:
    asked = []

    def items() -> Iterator[int]:
        for item in range(100):
            asked.append(item)
            yield item

    with closing(crew.each(lambda item, _: item, items())) as found:
        assert next(found)[1]() == 0
        assert len(asked) == 3 * HANDED_OUT


def test_what_is_not_begun_when_the_caller_stops_asking_is_not_done(crew: Crew) -> None:
    begun, go_on, done = threading.Semaphore(0), threading.Event(), []

    def work(item: int, _: int | None) -> None:
        begun.release()
        go_on.wait(10)
        done.append(item)

    with closing(crew.each(work, range(10))) as found:
        next(found)
        for _ in range(3):
            assert begun.acquire(timeout=10)
    go_on.set()
    crew.finish()
    assert sorted(done) == [0, 1, 2]


def test_an_error_is_raised_where_its_result_is_asked_for_and_the_rest_goes_on(crew: Crew) -> None:
    def work(item: int, _: int | None) -> float:
        return 1 / item

    found = crew.each(work, [1, 0, 2])
    assert next(found)[1]() == 1
    with pytest.raises(ZeroDivisionError):
        next(found)[1]()
    assert results(found) == [(2, 0.5)]


def test_without_work_nobody_is_called(crew: Crew) -> None:
    assert results(crew.each(lambda item, _: item, [])) == []
    assert not crew._threads
    crew.finish()


@pytest.mark.django_db
def test_a_seat_is_one_lock_and_alone_or_an_edit_has_all_of_them() -> None:
    def held() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT classid::bigint FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            )
            return [LOCK_CLASS - lock for (lock,) in cursor.fetchall()]

    seated("person", 2)
    assert held() == [2]
    seated("person", None)
    assert sorted(held()) == list(range(SEATS))


@pytest.mark.django_db
def test_in_a_transaction_the_caller_plans() -> None:
    with planners.crew_of(4) as crew:
        assert [result() for _, result in crew.each(lambda item, seat: (item, seat), [1])] == [(1, None)]


@pytest.mark.django_db
def test_a_pass_gives_the_seats_back() -> None:
    with only_pass() as is_ours:
        assert is_ours
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


def test_there_are_as_many_planners_as_seats_at_most(tmp_path: Path) -> None:
    known = {"SECRET_KEY": 40 * "x", "PUNCTUAL_PLANNERS": str(SEATS)}
    assert read(Reader(known), tmp_path).planners == SEATS
    with pytest.raises(InvalidSetting, match="PUNCTUAL_PLANNERS"):
        read(Reader(known | {"PUNCTUAL_PLANNERS": str(SEATS + 1)}), tmp_path)
