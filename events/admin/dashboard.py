"""The first page: a few true numbers, what comes next, and what waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from events import clock, queries
from events.admin.notices import notices
from events.lifecycle import IN_FLIGHT
from events.queries import downtimes
from events.templatetags import show
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.http import HttpRequest

    from events.models import Occurrence

MOST_SHOWN = 8
# Ticks come every minute, and a sweep is awake from one to the next: this long without a look is worth a look.
WORRYING_SECONDS = 150


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: the context of the first page, for whoever may see occurrences."""
    if not request.user.has_perm("events.view_occurrence") and not request.user.has_perm(
        "events.change_occurrence"
    ):
        return context
    now = clock.now()
    return context | {
        "notices": list(notices(now)),
        "cards": _cards(queries.standing(now=now)),
        "coming": [_line(row, now) for row in queries.coming_up(now=now)[:MOST_SHOWN]],
        "dead": queries.dead_letters()[:MOST_SHOWN],
        "read_at": now,
        "swept_until": downtimes.swept_until(),
    }


def _cards(standing: queries.Standing) -> list[Mapping[str, Any]]:
    swept = standing.last_sweep
    is_asleep = swept is None or swept.total_seconds() > WORRYING_SECONDS
    in_flight = [state.value for state in sorted(IN_FLIGHT)]
    dead = [state.value for state in sorted(queries.DEAD_LETTERS)]
    return [
        _card("Due within the hour", standing.due_soon, "planned and not held", lateness="ahead"),
        _card("Waiting for a worker", standing.waiting, "due, and not yet claimed", lateness="late"),
        _card("In flight", standing.in_flight, "claimed or running", state=in_flight),
        _card(
            "Held", standing.held, "each waits for its cause to end", worry=bool(standing.held), held="any"
        ),
        _card(
            "Dead letters",
            standing.dead_letters,
            "wait for a person",
            worry=bool(standing.dead_letters),
            state=dead,
        ),
        {
            "title": "Last sweep",
            "figure": f"{show.duration(_rounded(swept))} ago" if swept is not None else "never",
            "says": "is beat running, and a sweeper?" if is_asleep else "somebody is looking",
            "worry": is_asleep,
            "link": reverse("admin:events_sweep_changelist"),
        },
    ]


def _rounded(length: timedelta) -> timedelta:
    """To the second."""
    return timedelta(seconds=round(length.total_seconds()))


def _card(title: str, count: int, says: str, *, worry: bool = False, **query: Any) -> Mapping[str, Any]:
    figure = f"{count:,}" if count <= queries.MOST_COUNTED else f"over {queries.MOST_COUNTED:,}"
    link = reverse("admin:events_occurrence_changelist", query=query)
    return {"title": title, "figure": figure, "says": says, "worry": worry, "link": link}


def _line(row: Occurrence, now: datetime) -> Mapping[str, Any]:
    return {
        "row": row,
        "in": show.duration(row.available_at - now),
        "local": row.due_at.astimezone(zone(row.timezone)),
    }
