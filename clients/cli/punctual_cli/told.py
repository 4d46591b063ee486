"""What the API tells of moments and occurrences, as people read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from punctual_cli.plain import plain
from punctual_cli.times import moment, moment_and_zone, read_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

LIMIT = Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def when_told(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return when something happens, with the zone: its moment, or until when it does, where that is hidden."""
    if told.get("hidden"):
        return hidden_until(told, lambda end: moment_and_zone(end, zone))
    return moment_and_zone(read_instant(told["due_at"]), zone) if told.get("due_at") else "not again"


def moment_told(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The same for a table, whose head names the zone."""
    if told.get("hidden"):
        return hidden_until(told, lambda end: moment(end, zone))
    return moment(read_instant(told["due_at"]), zone) if told.get("due_at") else "not again"


def hidden_until(told: Mapping[str, Any], say: Callable[[datetime], str]) -> str:
    """Return "some time until ..." of what nobody may know before it happens."""
    return f"some time until {say(read_instant(told['closes']))}" if told.get("closes") else "some time"


def sentence_told(told: Mapping[str, Any]) -> str:
    """Return the sentence that says when something happens, to begin with."""
    said = plain(told["sentence"]).rstrip(".")
    return f"{said[:1].upper()}{said[1:]}."


def occurrence_rows(
    found: Iterable[Mapping[str, Any]], zone: ZoneInfo
) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the head and the rows of a table of occurrences."""
    head = ["id", f"when ({zone.key})", "what", "for", "state", "note"]
    rows = (
        [each["id"], moment_told(each, zone), what_of(each), name_of(each["entity"]), *_standing(each)]
        for each in found
    )
    return head, rows


def firing_rows(
    found: Iterable[Mapping[str, Any]], zone: ZoneInfo
) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the head and the rows of a table of what the calendar says."""
    rows = ([moment_told(each, zone), each.get("whose") or "", each.get("note") or ""] for each in found)
    return [f"when ({zone.key})", "", ""], rows


def what_of(occurrence: Mapping[str, Any]) -> object:
    """Return what an occurrence is about: a reminder's text, else its rule's name."""
    rule = occurrence["rule"]
    # A reminder's rule has a name that was made up.
    return occurrence.get("text") or (
        f"reminder {rule['id']}" if rule["role"] == "reminder" else rule["name"]
    )


def name_of(entity: Mapping[str, Any]) -> str:
    """Return "kind/id"."""
    return f"{entity['kind']}/{entity['external_id']}"


def _standing(occurrence: Mapping[str, Any]) -> tuple[str, str]:
    said = [occurrence["hold"], occurrence["note"]]
    return occurrence["state"].lower(), "; ".join(part for part in said if part)


def facts(told: Mapping[str, Any]) -> str:
    """Return the fields of an object, a line each; what is empty is left out."""
    lines = [(name, value) for name, value in told.items() if value not in (None, "", [], {})]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {plain(_written(value))}" for name, value in lines)


def _written(value: object) -> object:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
