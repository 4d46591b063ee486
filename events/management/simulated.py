"""What was simulated, as text for a person and as JSON for a program."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from events.queries import comparisons, whom_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from events.queries.comparisons import Compared
    from events.queries.simulations import Moment, Simulated, Span

HEAD = ("local", "zone", "UTC", "for", "note")
# Of each rule so many lines; and of the others as many that a policy touched.
MOST_SHOWN = 20


def as_text(simulated: Simulated, compared: Compared | None) -> Iterator[str]:
    """Yield the lines about one rule."""
    rule, moments = simulated.rule, simulated.moments
    yield f"{rule.name}: {simulated.says}, for {whom_in_words(rule)}."
    if simulated.remark:
        yield f"  {simulated.remark}"
    touched = sum(1 for moment in moments if moment.note)
    noted = f", {touched:,} of them noted" if touched else ""
    yield f"  {simulated.total:,} in all, at {len(moments):,} moment{'' if len(moments) == 1 else 's'}{noted}."
    if compared is not None:
        yield from (f"  {line}" for line in comparisons.in_words(compared))
        return
    shown = _shown(simulated)
    yield from (f"  {line}" for line in _aligned([_cells(moment) for moment in shown]))
    if left := len(moments) - len(shown):
        yield f"  … and {left:,} more: --json shows all of them."


def as_json(simulated: Simulated, compared: Compared | None) -> dict[str, Any]:
    """One rule with all of its moments."""
    rule = simulated.rule
    told: dict[str, Any] = {
        "id": rule.pk,
        "rule": rule.name,
        "says": simulated.says,
        "for": whom_in_words(rule),
        "state": rule.state,
        "remark": simulated.remark or None,
        "total": simulated.total,
        "moments": [_facts(moment) for moment in simulated.moments],
    }
    if compared is not None:
        told["diff"] = {
            "as_expected": compared.is_as_expected,
            "counts": compared.counts,
            "reasons": compared.reasons,
            "examples": {verdict: named for verdict, named in compared.examples.items() if named},
        }
    return told


def span_as_json(span: Span) -> dict[str, str]:
    """From when to when."""
    return {"from": _utc(span.after), "to": _utc(span.before)}


def _shown(simulated: Simulated) -> list[Moment]:
    first, rest = simulated.moments[:MOST_SHOWN], simulated.moments[MOST_SHOWN:]
    return [*first, *[moment for moment in rest if moment.note][:MOST_SHOWN]]


def _cells(moment: Moment) -> tuple[str, ...]:
    whose = moment.whose if moment.entities == 1 else f"{moment.entities:,} (such as {moment.whose})"
    local, utc = moment.local.replace(tzinfo=None), moment.due_at.astimezone(UTC).replace(tzinfo=None)
    shown = [f"{one:%a} {one.isoformat(' ', 'seconds')}" for one in (local, utc)]
    return shown[0], moment.timezone, shown[1], whose, moment.note


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    whole = [HEAD, *rows]
    widths = [max(len(row[column]) for row in whole) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in whole]
    return [line.rstrip() for line in lines]


def _facts(moment: Moment) -> dict[str, Any]:
    return {
        "slot": moment.slot.isoformat(),
        "timezone": moment.timezone,
        "due_at": _utc(moment.due_at),
        "local": moment.local.isoformat(),
        "entities": moment.entities,
        "whose": moment.whose,
        "note": moment.note or None,
    }


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
