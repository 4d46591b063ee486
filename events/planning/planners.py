"""Who does the work of a pass: its caller, alone; or several planners beside each other.

A planner is a thread with a connection and a seat of its own. While PostgreSQL writes what one has found, the others go
on. What they are given comes from the caller, who gets all that came of it, and in the order in which it was given.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg import Error

from events.planning.serial import SEATS, only_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

Item = TypeVar("Item")
Result = TypeVar("Result")

# So many pieces of work for each planner are handed out before somebody asks what came of the first.
HANDED_OUT = 2
# A planner that is told to leave may be just about to wait for a lock: then it is told again.
REPEAT_SECONDS = 0.1


class Planners(Protocol):
    """Those who plan in a pass."""

    def each(
        self, work: Callable[[Item, int | None], Result], items: Iterable[Item]
    ) -> Generator[tuple[Item, Callable[[], Result]]]:
        """Return each item with a function that gives what came of the work on it, or raises what it raised.

        The work is told its seat; None where it has to be alone. Each is asked for before the next one is.
        """


class Caller:
    """Whoever calls, on their own connection: the work is done when its result is asked for."""

    def each(
        self, work: Callable[[Item, int | None], Result], items: Iterable[Item]
    ) -> Generator[tuple[Item, Callable[[], Result]]]:
        """As Planners say."""
        for item in items:
            yield item, partial(work, item, None)


class Crew:
    """So many threads at the most, begun when there is work for them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: SimpleQueue[tuple[Future[object], Callable[[int], object]] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._connections: list[BaseDatabaseWrapper] = []

    def each(
        self, work: Callable[[Item, int | None], Result], items: Iterable[Item]
    ) -> Generator[tuple[Item, Callable[[], Result]]]:
        """As Planners say. What is handed out and not begun when the caller stops asking is not done."""
        handed_out: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                handed_out.append((item, self._hand_out(partial(work, item))))
                if len(handed_out) >= HANDED_OUT * self._size:
                    first, future = handed_out.popleft()
                    yield first, future.result
            while handed_out:
                first, future = handed_out.popleft()
                yield first, future.result
        finally:
            for _, future in handed_out:
                future.cancel()

    def _hand_out(self, work: Callable[[int], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._work.put((future, work))  # type: ignore[arg-type]  # whoever takes it looks at no result
        if len(self._threads) < self._size:
            seat = len(self._threads)
            self._threads.append(
                Thread(target=self._serve, args=(seat,), daemon=True, name=f"planner {seat}")
            )
            self._threads[-1].start()
        return future

    def _serve(self, seat: int) -> None:
        self._connections.append(connections[DEFAULT_DB_ALIAS])
        try:
            while (given := self._work.get()) is not None:
                future, work = given
                if future.set_running_or_notify_cancel():
                    _do(future, partial(work, seat))
        finally:
            connection.close()

    def finish(self) -> None:
        """Wait until what is begun is done, and let them go."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Let them go at once: what they are at is taken back, and what was handed out is not done."""
        with suppress(Empty):
            while (given := self._work.get_nowait()) is not None:
                given[0].cancel()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            while thread.is_alive():
                self._cancel()
                thread.join(REPEAT_SECONDS)

    def _cancel(self) -> None:
        for each in self._connections:
            if each.connection is not None:
                with suppress(Error):
                    each.connection.cancel()


def _do(future: Future[object], work: Callable[[], object]) -> None:
    try:
        connection.close_if_unusable_or_obsolete()
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
        future.set_exception(error)


@contextmanager
def crew_of(count: int) -> Iterator[Planners]:
    """Return so many planners; the caller where that is one, or another pass has the seats already.

    Others would not see what a caller has written and not committed, and so in a transaction it is the caller too.
    """
    if count < 2 or connection.in_atomic_block:
        yield Caller()
        return
    with only_pass() as is_ours:
        if not is_ours:
            yield Caller()
            return
        crew = Crew(min(count, SEATS))
        try:
            yield crew
            crew.finish()
        except BaseException:
            crew.stop()
            raise
