"""What applying a file does, as text for a person and as JSON for a program."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from events.management.asking import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.operations.declared import Plan, Step

LONGEST = 100
NOTHING: tuple[Any, ...] = ("", None, [], {})


def sentences(plan: Plan, *, applied: bool) -> Iterator[str]:
    """Yield a line for each step, its changes below it, and what all of it comes to."""
    for step in plan.steps:
        rows = [f"{counted(count, 'row')} {became}" for became, count in step.rows.items() if count]
        yield f"{step.action} {step.noun} {step.name!r}{': ' if rows else ''}{', '.join(rows)}"
        for change in step.changes:
            yield f"    {change.field}: {_change(change.old, change.new)}"
    same = f"; {len(plan.unchanged)} unchanged" if plan.unchanged else ""
    if plan.steps:
        yield f"{counted(len(plan.steps), 'change')} {'made' if applied else 'to be made'}{same}."
    else:
        yield f"Nothing to do{same}."


def as_json(plan: Plan, *, applied: bool) -> str:
    """One object: the steps, what is unchanged, and whether it was written."""
    told: dict[str, Any] = {
        "applied": applied,
        "steps": [_step(step) for step in plan.steps],
        "unchanged": [{"kind": noun, "name": name} for noun, name in plan.unchanged],
    }
    return json.dumps(told, ensure_ascii=False, indent=2, default=str)


def _step(step: Step) -> dict[str, Any]:
    changes = [asdict(change) for change in step.changes]
    return {
        "action": step.action, "kind": step.noun, "name": step.name, "changes": changes, "rows": dict(step.rows),
    }  # fmt: skip


def _change(old: Any, new: Any) -> str:
    texts = _said(old), _said(new)
    if max(map(len, texts)) > LONGEST:
        # Both may begin alike for long: they are shown from where they part.
        same = next(
            (at for at, (one, other) in enumerate(zip(*texts, strict=False)) if one != other),
            min(map(len, texts)),
        )
        start = max(same - LONGEST // 4, 0)
        texts = _cut(texts[0], start), _cut(texts[1], start)
    return " -> ".join(texts)


def _said(value: Any) -> str:
    """Told as JSON; what is by default empty is nothing."""
    return "nothing" if value in NOTHING else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, start: int) -> str:
    return (
        f"{'…' if start else ''}{text[start : start + LONGEST]}{'…' if len(text) > start + LONGEST else ''}"
    )
