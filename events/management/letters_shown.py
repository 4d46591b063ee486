"""Dead letters as text, as a table, and as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from events import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.models import Occurrence
    from events.queries import Move, Try

CELLS = ("id", "state", "rule", "for", "due, UTC", "attempts", "why")


def cells(row: Any) -> tuple[str, ...]:
    """What a list says of one, which `find_dead_letters` found."""
    due, why = _written(row.due_at), " ".join((row.why or "").split())
    return str(row.pk), row.state, str(row.rule), str(row.entity), due, str(row.attempt), why or row.reason


def drawn(rows: Sequence[Sequence[str]], *, width: int) -> str:
    """The same as a table that fits a terminal of so many columns."""
    table = Table(*CELLS, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    paper = StringIO()
    Console(file=paper, width=width, force_terminal=True).print(table)
    return paper.getvalue().rstrip()


def as_json(row: Any) -> dict[str, Any]:
    """The same for a program, with the payload."""
    return _facts(row) | {"why": row.why}


def story_as_json(row: Occurrence) -> dict[str, Any]:
    """One and what happened to it."""
    story = queries.story(row)
    moves = [
        {
            "at": move.at.isoformat(), "from": move.from_state, "to": move.to_state, "reason": move.reason,
            "actor": move.actor, "why": move.why, "detail": move.detail,
            "changes": {change.where: [change.before, change.after] for change in move.changes},
        }
        for move in story.moves
    ]  # fmt: skip
    attempts = [
        {
            "number": each.number, "outcome": each.outcome, "worker": each.worker, "detail": each.detail,
            "started_at": each.started_at.isoformat(),
            "finished_at": each.finished_at.isoformat() if each.finished_at else None,
        }
        for each in story.attempts
    ]  # fmt: skip
    return _facts(row) | {"moves": moves, "tries": attempts}


def as_text(row: Occurrence) -> str:
    """The same to be read."""
    told, story = queries.payload_of(row), queries.story(row)
    lines = [
        f"Occurrence {row.pk}: {row.state}, {queries.state_in_words(row.state)}.",
        f"rule      {row.rule} (handler {row.rule.handler})",
        f"for       {row.entity}",
        f"due       {_written(row.due_at)} UTC",
        f"attempts  {row.attempt}, {row.failures} of {row.rule.max_attempts} failures spent",
        f"payload   {told.source}:",
        json.dumps(told.payload, indent=2, ensure_ascii=False),
        "",
        "What happened, UTC:",
        *(line for move in story.moves for line in _told(move)),
        "",
        "Attempts:",
        *(line for each in story.attempts for line in _tried(each)),
    ]
    return "\n".join(lines)


def _told(move: Move) -> Iterator[str]:
    to_state = move.to_state if move.from_state != move.to_state else ""
    yield f"  {_written(move.at)}  {to_state:10}  {move.words} ({move.actor})"
    if move.why:
        yield f"    why: {move.why}"
    for change in move.changes:
        yield f"    {change.where or '/'}: {_json(change.before)} -> {_json(change.after)}"
    for name, value in move.detail.items():
        yield f"    {name}: {value if isinstance(value, str) else _json(value)}"


def _tried(each: Try) -> Iterator[str]:
    took = f" after {each.took.total_seconds():.3f} s" if each.took is not None else ""
    yield f"  {each.number}  {_written(each.started_at)}  {each.outcome or 'running'}{took}, {each.worker}"
    if each.detail is not None:
        yield f"    {_json(each.detail)}"


def _facts(row: Occurrence) -> dict[str, Any]:
    told = queries.payload_of(row)
    return {
        "id": row.pk, "state": row.state, "reason": row.reason,
        "rule": {"id": row.rule_id, "name": row.rule.name, "handler": row.rule.handler},
        "entity": {"kind": row.entity.kind, "external_id": row.entity.external_id, "name": row.entity.name},
        "due_at": row.due_at.isoformat(), "attempts": row.attempt, "failures": row.failures,
        "payload": told.payload, "payload_from": told.source.name.lower(),
    }  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
