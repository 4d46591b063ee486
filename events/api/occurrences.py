"""Occurrences: what comes, what was, what happened to each, and what a person may do to it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router

from events import operations, queries
from events.api.callers import caller_of, origin_of, owned
from events.api.given import Answered, MaybeWhy, Why, why_of
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.api.reminders import Snoozed
from events.api.shown import Shown, shown
from events.lifecycle import State
from events.models import Occurrence
from events.operations.errors import Refusal
from events.timing import read_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.queries import Move, Try
    from events.transitions import Origin

router = Router(tags=["occurrences"])


class OccurrencePage(Answered):
    """A page of occurrences."""

    items: list[Shown]
    next: str | None


class MoveShown(Answered):
    """One row of the log."""

    at: datetime
    from_state: str
    to_state: str
    reason: str
    words: str
    actor: str
    attempt: int
    why: str


class TryShown(Answered):
    """One attempt."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    detail: Any


class ShownWithStory(Shown):
    """An occurrence and all that happened to it."""

    payload: Any = Field(description="Its own payload, where it has one in place of its rule's.")
    moves: list[MoveShown]
    attempts: list[TryShown]


class OccurrenceFilter(Paging):
    """Which occurrences. A hidden one counts as due at the end of its window."""

    state: State | None = None
    rule: int | None = Field(None, ge=1, le=queries.LARGEST_ID)
    entity: str | None = Field(
        None, max_length=251, description="kind/external_id", examples=["person/alice"]
    )
    due_after: str | None = Field(None, max_length=60, description="From this instant on.")
    due_before: str | None = Field(None, max_length=60, description="Before this instant.")
    when: Literal["upcoming", "past"] | None = None


class Resolved(Why):
    """As what a dead letter is settled."""

    state: Literal["COMPLETED", "CANCELLED"]


@router.get("/occurrences", response=OccurrencePage)
def show_all(request: HttpRequest, wanted: Query[OccurrenceFilter]) -> dict[str, Any]:
    """The account's occurrences: upcoming ones from the nearest on, else the latest first."""
    given = _wanted(wanted)
    rows = queries.find_occurrences(caller_of(request).owner_id, given)
    items, further = page_of(request, rows, wanted, by=queries.order_of(given))
    return {"items": [shown(row) for row in items], "next": further}


@router.get("/occurrences/{int:occurrence_id}", response=ShownWithStory)
def show(request: HttpRequest, occurrence_id: int) -> dict[str, Any]:
    """One occurrence with its story."""
    occurrence = _one(request, occurrence_id)
    story = queries.story(occurrence)
    return {
        **shown(occurrence),
        "payload": occurrence.payload,
        "moves": [_move(move) for move in story.moves],
        "attempts": [_try(attempt) for attempt in story.attempts],
    }


@router.post("/occurrences/{int:occurrence_id}/cancel", response=Shown)
def cancel(request: HttpRequest, occurrence_id: int, given: MaybeWhy = None) -> dict[str, Any]:
    """Let it not fire, if it has not started."""
    return _done(request, occurrence_id, operations.cancel, why_of(given))


@router.post("/occurrences/{int:occurrence_id}/replay", response=Shown)
def replay(request: HttpRequest, occurrence_id: int, given: MaybeWhy = None) -> dict[str, Any]:
    """New attempts for a dead letter, with the same idempotency key."""
    return _done(request, occurrence_id, operations.replay, why_of(given))


@router.post("/occurrences/{int:occurrence_id}/resolve", response=Shown)
def resolve(request: HttpRequest, occurrence_id: int, given: Resolved) -> dict[str, Any]:
    """Settle a dead letter by your word."""

    def settle(ids: list[int], *, why: str, origin: Origin) -> list[int]:
        return operations.resolve(ids, to_state=State(given.state), why=why, origin=origin)

    return _done(request, occurrence_id, settle, why_of(given))


@router.post("/occurrences/{int:occurrence_id}/snooze", response=Shown)
def snooze(request: HttpRequest, occurrence_id: int, given: Snoozed) -> dict[str, Any]:
    """Put it off; the answer is what stands for it then."""
    occurrence, origin = _one(request, occurrence_id), origin_of(request)
    until = operations.snoozed_until(given.until, given.length, of=occurrence, now=origin.now)
    number = operations.snooze(occurrence.pk, until=until, why=why_of(given), origin=origin)
    return shown(_one(request, number))


def _done(
    request: HttpRequest, occurrence_id: int, verb: Callable[..., list[int]], why: str
) -> dict[str, Any]:
    occurrence = _one(request, occurrence_id)
    verb([occurrence.pk], why=why, origin=origin_of(request))
    return shown(_one(request, occurrence_id))


def _one(request: HttpRequest, occurrence_id: int) -> Occurrence:
    rows = owned(Occurrence, caller_of(request)).select_related("rule", "entity")
    occurrence = rows.filter(pk=occurrence_id).first() if occurrence_id <= queries.LARGEST_ID else None
    if occurrence is None:
        raise Missing(f"occurrence {occurrence_id}")
    return occurrence


def _wanted(given: OccurrenceFilter) -> queries.Wanted:
    return queries.Wanted(
        state=given.state,
        rule=given.rule,
        entity=_names(given.entity) if given.entity is not None else None,
        due_after=_instant(given.due_after, "due_after"),
        due_before=_instant(given.due_before, "due_before"),
        upcoming=None if given.when is None else given.when == "upcoming",
    )


def _names(entity: str) -> tuple[str, str]:
    kind, slash, external_id = entity.partition("/")
    if not slash:
        remedy = "Write it as kind/external_id, such as person/alice."
        raise Refusal(field="entity", problem="it names no kind", remedy=remedy)
    return kind, external_id


def _instant(text: str | None, field: str) -> datetime | None:
    return None if text is None else read_instant(text, field=field)


def _move(move: Move) -> dict[str, Any]:
    """Who of the machine did it is nobody's affair, and where it was before might tell what is hidden."""
    names = ("at", "from_state", "to_state", "reason", "words", "attempt", "why")
    kind, _, _ = move.actor.partition(":")
    return {name: getattr(move, name) for name in names} | {"actor": move.actor if kind == "user" else kind}


def _try(attempt: Try) -> dict[str, Any]:
    return {name: getattr(attempt, name) for name in TryShown.model_fields}
