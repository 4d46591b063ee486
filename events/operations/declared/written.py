"""What is there, as a file would declare it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.models import RuleState
from events.operations.declared.files import KINDS, VERSION
from events.operations.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.models import Rule


def written(rules: Sequence[Rule] | None = None) -> dict[str, Any]:
    """Return the whole of a file: every kind's declarations, in the order of their names; of `rules`, those alone.

    Retired rules are not declared; to name one raises Refusal. Values are text, numbers, dates, and lists and mappings
    of them.
    """
    rows: dict[str, Any] = {kind.key: kind.everything() if rules is None else [] for kind in KINDS}
    if rules is not None:
        rows["rules"] = list({rule.pk: rule for rule in rules}.values())
    for rule in rows["rules"]:
        if rule.state == RuleState.RETIRED:
            problem = f"rule {rule.name!r} is retired, and no file can declare it"
            raise Refusal(field="--rule", problem=problem, remedy="Name a live rule.")
    # Their own are taken from the rules, so that each is there under the name by which its rules know it.
    named = {rule.calendar.pk: rule.calendar for rule in rows["rules"] if rule.calendar}
    rows["calendars"] = ({row.pk: row for row in rows["calendars"]} | named).values()
    return {"version": int(VERSION)} | {kind.key: _sorted(kind, rows[kind.key]) for kind in KINDS}


def _sorted(kind: Any, rows: Any) -> list[dict[str, Any]]:
    return [kind.declared(row) for row in sorted(rows, key=str)]
