"""What an examination finds: one sentence for each thing looked at, and the next step where one is needed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 3


class Status(StrEnum):
    """fail: it does not work. warn: it works, and a person should look."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is."""

    name: str
    status: Status
    says: str
    next_step: str = ""


def ok(name: str, says: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, says)


def warn(name: str, says: str, next_step: str) -> Finding:
    """A person should look."""
    return Finding(name, Status.WARN, says, next_step)


def fail(name: str, says: str, next_step: str) -> Finding:
    """It does not work."""
    return Finding(name, Status.FAIL, says, next_step)


def sentence_of(error: BaseException) -> str:
    """The first line of what went wrong, and what kind of error it is if that line is empty."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
