"""The zone in which a person's times are meant and shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from punctual_cli.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALTIME = Path("/etc/localtime")
FOLDER = "zoneinfo/"


@dataclass(frozen=True, slots=True)
class Found:
    """A zone, and a sentence about it where it had to be guessed."""

    zone: ZoneInfo
    remark: str = ""


def named_zone(name: str, *, source: str) -> ZoneInfo:
    """Return the zone of an IANA name. Raises WrongUsage, which names the source of the name."""
    found = _zone(name)
    if found is None:
        problem = f"{source}: {name!r} is no time zone"
        raise WrongUsage(problem=problem, remedy="Give an IANA name, such as Europe/Berlin")
    return found


def machines_zone(environment: Mapping[str, str], localtime: Path = LOCALTIME) -> Found:
    """Return this machine's zone: TZ, else where /etc/localtime leads, else UTC with a remark."""
    tz = environment.get("TZ", "").removeprefix(":")
    # An absolute path names a file of zone data, and most such files are named for their zone.
    name = tz if not tz.startswith("/") else _behind_folder(tz)
    if not tz:
        name = _behind_folder(str(localtime.resolve()))
    found = _zone(name) if name else None
    if found is not None:
        return Found(found)
    what = f"TZ ({tz}) names no zone" if tz else "this machine does not say its zone"
    return Found(ZoneInfo("UTC"), f"Times are in UTC, for {what}. Name yours with --zone or PUNCTUAL_ZONE.")


def _behind_folder(path: str) -> str:
    """The name of the zone that a file of zone data is for; some systems keep copies in posix/ and right/."""
    _, folder, name = path.rpartition(FOLDER)
    return re.sub(r"^(posix|right)/", "", name) if folder else ""


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
