"""IANA zones, read from the pinned tzdata package alone, so that no machine's own files change a result."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from events.errors import InvalidField
from events.timing.zone_hints import ABBREVIATIONS, CITY_BY_OFFSET, SAME_PLACE
from events.timing.zone_windows import windows_zone

_DATA = files("tzdata.zoneinfo")
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
_UTC_LIKE = frozenset({"UTC", "Etc/UTC", "Etc/GMT"})


class UnknownZone(InvalidField):
    """{field}: {problem}. {remedy}"""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone of that name, from the tzdata package; its `key` is the canonical name.

    Raises UnknownZone as `canonical_zone` does.
    """
    canonical = canonical_zone(name)
    with _DATA.joinpath(*canonical.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=canonical)


def canonical_zones() -> tuple[str, ...]:
    """Return the names to offer for choice, sorted: those of zone.tab, and "UTC"."""
    return _offered()


@lru_cache(maxsize=4096)
def canonical_zone(name: str) -> str:
    """Return the one IANA name under which a zone is kept; case is forgiven, links are followed.

    Raises UnknownZone (field "timezone"), with a suggestion, for abbreviations, offsets and unknown names.
    Source: zone.tab and the links of tzdata.zi, in the tzdata package.
    """
    folded = name.strip().casefold()
    known = _canonical_by_folded().get(folded)
    if known is None or folded.upper() in ABBREVIATIONS:
        raise UnknownZone(field="timezone", **_refusal(name, folded))
    return known


@cache
def _offered() -> tuple[str, ...]:
    lines = _DATA.joinpath("zone.tab").read_text("utf-8").splitlines()
    names = {line.split("\t")[2].strip() for line in lines if not line.startswith("#")}
    return tuple(sorted(names | {"UTC"}))


@cache
def _canonical_by_folded() -> dict[str, str]:
    offered = set(_offered())
    kept = offered | {name for name in _entries("Z") if name.startswith("Etc/GMT")}
    table = {name: name for name in kept}
    for link, target in _entries("L").items():
        table.setdefault(link, SAME_PLACE.get(link, target))
    table.update({name: "UTC" for name, target in table.items() if target in _UTC_LIKE})
    table["Etc/UTC"] = "UTC"
    return {name.casefold(): target for name, target in table.items()}


def _entries(kind: str) -> dict[str, str]:
    """The zones ("Z", each with itself) or the links ("L", each with its target) of tzdata.zi."""
    lines = (line.split() for line in _zi().splitlines())
    return {line[2 if kind == "L" else 1]: line[1] for line in lines if line and line[0] == kind}


@cache
def _zi() -> str:
    return _DATA.joinpath("tzdata.zi").read_text("utf-8")


def _refusal(name: str, folded: str) -> dict[str, str]:
    shown = repr(name if len(name) <= 64 else f"{name[:61]}...")
    offset = _OFFSET.fullmatch(folded)
    if offset:
        return {
            "problem": f"{shown} is an offset, not a zone",
            "remedy": _offset_remedy(*offset.groups()),
        }
    if folded.upper() in ABBREVIATIONS:
        return {
            "problem": f"{shown} is an abbreviation, not a zone",
            "remedy": f"Use {ABBREVIATIONS[folded.upper()]}",
        }
    windows = windows_zone(folded)
    if windows:
        return {"problem": f"{shown} is what Windows calls a zone", "remedy": f"Use {windows}"}
    return {
        "problem": f"{shown} is not an IANA time zone",
        "remedy": _spelling_remedy(folded[:64]),
    }


def _offset_remedy(sign: str, hours: str, minutes: str | None) -> str:
    total = int(f"{sign}1") * (int(hours) * 60 + int(minutes or 0))
    city = CITY_BY_OFFSET.get(total, "Europe/Berlin")
    flipped = f"Etc/GMT{-total // 60:+d}"
    if flipped.casefold() not in _canonical_by_folded() or total % 60:
        return f"Use the zone of a city, such as {city}"
    fixed = "UTC" if total == 0 else f"{flipped} (its sign is reversed)"
    return f"Use the zone of a city, such as {city}, or {fixed} for an offset that never changes"


def _spelling_remedy(folded: str) -> str:
    wanted = folded.replace(" ", "_")
    table = _canonical_by_folded()
    cities = {key.rpartition("/")[2]: key for key in table if "/" in key}
    close = get_close_matches(wanted, table, n=3, cutoff=0.75)
    close += [cities[city] for city in get_close_matches(wanted, cities, n=1, cutoff=0.8)]
    names = list(dict.fromkeys(table[key] for key in close if key.upper() not in ABBREVIATIONS))
    if names:
        return f"Did you mean {' or '.join(names[:3])}?"
    return "Use the name of a city's zone, such as Europe/Berlin or America/New_York, or UTC"


TZDATA_VERSION: str = _zi().split("\n", 1)[0].removeprefix("# version ").strip()
