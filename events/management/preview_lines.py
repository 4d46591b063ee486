"""`manage.py preview --stdin`: JSON objects in, one a line, and their answers out, in order, whatever comes."""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from events.errors import PunctualError
from events.queries.previews import asked_of, preview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import BinaryIO, Protocol

    from events.queries.previews import Previewed

    class Source(Protocol):
        def read1(self, size: int, /) -> bytes: ...


logger = logging.getLogger(__name__)

LONGEST_LINE = 2_000_000
READ_AT_ONCE = 1 << 18
# A line that takes so many ticks is given up, so that none takes over 50 ms of this process's own time.
TICK_SECONDS = 0.01
MOST_TICKS = 4
CALENDAR = "events.timing."
# Before, zones had offsets of odd seconds, which orjson rounds to minutes, as RFC 3339 wants them.
WHOLE_MINUTES_SINCE = datetime(1972, 5, 1, tzinfo=UTC)
EXAMPLE = '{"dtstart": "2030-12-24T18:00", "timezone": "Europe/Berlin", "rrule": "FREQ=YEARLY"}'


class UnreadableLine(PunctualError):
    """{problem}. Write one JSON object on a line, such as {example}"""


class TookTooLong(PunctualError):
    """its firings take too long to find. Ask for fewer of them, or say the same with a larger FREQ"""


class Broken(PunctualError):
    """it could not be answered ({problem}). That is a fault of Punctual, and its log says more"""


class Patience:
    """Interrupts a line's work after so many ticks of this process's own time, however busy the machine is.

    Only in the calendar's own code, which holds no lock and keeps nothing half-done: whoever else runs at a tick, be
    it the import system or a tracer with its lock, is let go on until the next.
    """

    def __init__(self) -> None:
        self._ticks = 0
        self._is_working = False

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """While its timer runs; in a main thread alone."""
        before = signal.signal(signal.SIGPROF, self.tick)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def tick(self, _signal: int, frame: FrameType | None) -> None:
        """Raise TookTooLong into the calendar's work, if the line has had its time."""
        self._ticks += 1
        module = frame.f_globals.get("__name__", "") if frame else ""
        if self._is_working and self._ticks >= MOST_TICKS and module.startswith(CALENDAR):
            self._is_working = False
            raise TookTooLong

    def begin(self) -> None:
        """A line's work begins."""
        self._ticks, self._is_working = 0, True

    def end(self) -> None:
        """It has ended."""
        self._is_working = False


def converse(source: Source, sink: BinaryIO, *, clock: Callable[[], datetime]) -> None:
    """Answer every line of the source as soon as it is there, until it ends; whoever waits for an answer gets it."""
    patience = Patience()
    with patience.ticking():
        for lines in batches(source):
            now = clock()
            sink.write(b"".join([answer(line, now=now, patience=patience) for line in lines]))
            sink.flush()


def batches(source: Source) -> Iterator[list[bytes]]:
    """Yield the whole lines that are there to be read, again and again; of one that is too long, its beginning."""
    rest = b""
    while chunk := source.read1(READ_AT_ONCE):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[: LONGEST_LINE + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]


def answer(line: bytes, *, now: datetime, patience: Patience) -> bytes:
    """Return the line that answers: what fires, or a sentence that says why nothing can be said."""
    name = None
    patience.begin()
    try:
        try:
            given = _object(line)
            name = _id_of(given)
            return as_json(name, preview(asked_of(given), now=now))
        finally:
            patience.end()
    except PunctualError as refusal:
        error = str(refusal)
    except Exception as fault:  # the isolation point: one line never ends the run
        logger.exception("a preview failed")
        error = str(Broken(problem=type(fault).__name__))
    return orjson.dumps({"id": name, "error": error}, option=orjson.OPT_APPEND_NEWLINE)


def as_json(name: object, previewed: list[Previewed]) -> bytes:
    """Return the firings as a line of JSON."""
    found: list[Any] = previewed
    if previewed and previewed[0]["due_at"] < WHOLE_MINUTES_SINCE:
        found = [one | {"local": one["local"].isoformat()} for one in previewed]
    line = orjson.dumps({"id": name, "occurrences": found}, option=orjson.OPT_APPEND_NEWLINE)
    # What is between quotes has none, so this is found behind every `due_at`, and nowhere else.
    return line.replace(b'+00:00","local":', b'Z","local":')


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise UnreadableLine(problem=f"the line has more than {LONGEST_LINE:,} bytes", example=EXAMPLE)
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UnreadableLine(problem=f"the line is not JSON ({error})", example=EXAMPLE) from error
    if not isinstance(given, dict):
        raise UnreadableLine(problem="the line is JSON, but not an object", example=EXAMPLE)
    return given


def _id_of(given: dict[str, Any]) -> object:
    name = given.get("id")
    return None if isinstance(name, (dict, list)) else name
