"""Zone data as people and programs read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from events.management.asking import counted
from events.timing import TZDATA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from events.planning import Outlook, RuleShift, StoredZone
    from events.queries.zone_data import Comparison, Difference

WHAT_IT_MEANS = (
    "What fires is right: Punctual never asks PostgreSQL for local times. Reports in SQL that use AT TIME ZONE show "
    "other ones there; update PostgreSQL, or its system's tzdata, to have them agree."
)


@dataclass(frozen=True, slots=True)
class Report:
    """What the command found, and whether it was `applied`. `unsent`: rows by release and zone, afterwards."""

    comparison: Comparison
    unsent: Mapping[str, Mapping[str, int]]
    stored: Sequence[StoredZone]
    outlook: Outlook
    applied: bool

    def sentences(self) -> Iterator[str]:
        """For people."""
        yield f"Punctual plans with tzdata {TZDATA_VERSION}."
        yield from _comparison(self.comparison)
        yield from (_stored(zone, applied=self.applied) for zone in self.stored)
        yield from self._changes()
        resolved = [f"{rows} with tzdata {release}" for release, rows in self._releases().items()]
        yield (
            f"Unsent occurrences were resolved: {', '.join(resolved)}." if resolved else "Nothing is unsent."
        )
        if self._is_anything_to_do() and not self.applied:
            yield "Nothing was written. To have it done: manage.py tzdata --apply"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "tzdata": TZDATA_VERSION,
            "applied": self.applied,
            "postgresql": _comparison_json(self.comparison),
            "unsent": self._releases(),
            "renamed": [asdict(zone) for zone in self.stored],
            "changes": [_shift_json(each) for each in self.outlook.shifts],
            "hold": self.outlook.hold,
            "broken": self.outlook.broken,
        }

    def _changes(self) -> Iterator[str]:
        if self.outlook.shifts:
            yield f"tzdata {TZDATA_VERSION} {'has changed' if self.applied else 'would change'}:"
            yield from (f"  {_shift(each)}" for each in self.outlook.shifts)
        if self.outlook.hold:
            marked = "now marked" if self.applied else "to be marked"
            held = counted(self.outlook.hold, "occurrence")
            yield f"{held} of other releases stay where they are, {marked} as resolved with {TZDATA_VERSION}."
        if not (self.outlook.shifts or self.outlook.hold):
            yield "Nothing that is unsent moves."

    def _releases(self) -> dict[str, int]:
        return {release: sum(rows.values()) for release, rows in self.unsent.items()}

    def _is_anything_to_do(self) -> bool:
        renamed = any(zone.canonical for zone in self.stored)
        return bool(self.outlook.shifts or self.outlook.hold or renamed)


def _comparison(found: Comparison) -> Iterator[str]:
    span = f"from {found.since:%Y-%m-%d} until {found.until:%Y-%m-%d}"
    if not (found.missing or found.different):
        yield f"PostgreSQL agrees in all {found.zones} zones, {span}."
        return
    if found.missing:
        yield f"PostgreSQL lacks {counted(len(found.missing), 'zone')}: {', '.join(found.missing)}."
    if found.different:
        yield f"PostgreSQL shows other local times in {len(found.different)} of {found.zones} zones, {span}:"
        yield from (f"  {_difference(each)}" for each in found.different)
    yield WHAT_IT_MEANS


def _difference(each: Difference) -> str:
    return f"{each.zone}: at {_utc(each.at)} UTC it is {_local(each.ours)}, and there {_local(each.theirs)}"


def _stored(zone: StoredZone, *, applied: bool) -> str:
    entities, rules = counted(zone.entities, "entity", "entities"), counted(zone.rules, "rule")
    who = f"{entities}, {rules}, {counted(zone.rows, 'unsent occurrence')}"
    if zone.canonical is None:
        return f"{zone.name!r} is no zone of tzdata {TZDATA_VERSION} ({who}). Give them another one."
    return f"{zone.name} {'is' if applied else 'is to be'} kept as {zone.canonical} now: {who}."


def _shift(each: RuleShift) -> str:
    shift = each.shift
    what = f"{each.rule!r} in {shift.timezone}: {counted(shift.rows, 'occurrence')} {shift.change.value}"
    moments = " -> ".join(_utc(at) for at in (shift.before, shift.after) if at)
    return f"{what}, first that of {_local(shift.slot)}: {moments} UTC"


def _comparison_json(found: Comparison) -> dict[str, Any]:
    different = [
        {
            "zone": each.zone,
            "at": _iso(each.at),
            "ours": each.ours.isoformat(),
            "theirs": each.theirs.isoformat(),
        }
        for each in found.different
    ]
    return {
        "zones": found.zones,
        "since": _iso(found.since),
        "until": _iso(found.until),
        "missing": list(found.missing),
        "different": different,
    }


def _shift_json(each: RuleShift) -> dict[str, Any]:
    shift = each.shift
    return {
        "rule": each.rule,
        "zone": shift.timezone,
        "change": shift.change.value,
        "rows": shift.rows,
        "slot": shift.slot.isoformat(),
        "before": _iso(shift.before),
        "after": _iso(shift.after),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _utc(moment: datetime) -> str:
    return _local(moment.astimezone(UTC))


def _local(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
