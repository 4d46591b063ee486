"""A moment that was written by a person: read, said back, and asked about before it counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from punctual_cli.errors import WrongUsage
from punctual_cli.times import moment_and_zone, read_instant

if TYPE_CHECKING:
    from punctual_cli.session import Session

ISO = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d.*", re.ASCII)


def is_written_out(text: str) -> bool:
    """Whether a text is a date and time as ISO 8601 has them, and so no phrase."""
    return ISO.fullmatch(text.strip()) is not None


def read_moment(session: Session, text: str, *, option: str) -> datetime:
    """Return the instant that a phrase or an ISO time means, aware; a local one is in the session's zone."""
    if is_written_out(text):
        return _written_out(session, text.strip(), option)
    meant = session.server.post("/phrases", {"phrase": text, "timezone": session.zone.key}).told
    moments = meant["occurrences"]
    if len(moments) != 1 or moments[0]["hidden"]:
        problem = f"{option}: {text!r} is not one moment ({meant['sentence']})"
        raise WrongUsage(problem=problem, remedy='Say one, such as "tomorrow at 9am"')
    return read_instant(moments[0]["due_at"])


def ask_moment(session: Session, what: str, text: str, *, option: str, yes: bool) -> datetime:
    """Return the instant that a text means, after it was said back and found right."""
    instant = read_moment(session, text, option=option)
    session.out.confirm(f"{what}: {moment_and_zone(instant, session.zone)}.", yes=yes)
    return instant


def as_instant(instant: datetime) -> str:
    """Return the instant as the API writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _written_out(session: Session, text: str, option: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        problem = f"{option}: {text!r} is no date and time ({error})"
        raise WrongUsage(problem=problem, remedy="Give one such as 2026-12-24T18:00") from error
    # Without an offset: of two the first, and in a gap after it, as Punctual itself does.
    return (given if given.tzinfo else given.replace(tzinfo=session.zone)).astimezone(UTC)
