"""How things look in lists and on pages: colours, instants, durations, links."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from events.lifecycle import State
from events.models import RuleState
from events.queries import Lateness, length_in_words

if TYPE_CHECKING:
    from datetime import timedelta

    from django.utils.safestring import SafeString

COLOURS: dict[str, str] = {
    State.SCHEDULED: "info",
    State.PENDING: "primary",
    State.PROCESSING: "primary",
    State.RETRYING: "warning",
    State.COMPLETED: "success",
    State.FAILED: "danger",
    State.UNKNOWN: "danger",
    State.CANCELLED: "",
    State.SKIPPED: "",
    RuleState.ACTIVE: "success",
    RuleState.PAUSED: "warning",
    RuleState.RETIRED: "",
    Lateness.AHEAD: "",
    Lateness.ON_TIME: "success",
    Lateness.LATE: "warning",
    Lateness.EARLY: "danger",
}
NOTHING = mark_safe('<span class="pn-quiet">–</span>')
# A number and its unit stay on one line.
NARROW = "\N{NO-BREAK SPACE}"


def link_to(row: Model, text: str = "") -> SafeString:
    """A link to the row's page."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a class="pn-link" href="{}">{}</a>', reverse(name, args=[row.pk]), text or str(row))


def badge(text: str) -> SafeString:
    """A word in its colour: a state, or a lateness."""
    return format_html(
        '<span class="pn-badge pn-{}">{}</span>', COLOURS.get(text, "") or "plain", text.lower()
    )


def instant(moment: datetime | None) -> str | SafeString:
    """An instant in UTC, to the second; milliseconds where there are any."""
    if moment is None:
        return NOTHING
    shown = moment.astimezone(UTC)
    text = shown.strftime("%Y-%m-%d %H:%M:%S")
    fraction = f".{shown.microsecond // 1000:03d}" if shown.microsecond >= 1000 else ""
    return format_html('<time class="pn-time" datetime="{}">{}{}</time>', shown.isoformat(), text, fraction)


def duration(length: timedelta | None) -> str:
    """A length of time in its two largest units; below ten seconds to the millisecond."""
    if length is None:
        return "–"
    return length_in_words(length, glue=NARROW)


def several(count: int, noun: str, plural: str = "") -> str:
    """A number and its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def as_lines(detail: Any) -> list[tuple[str, str]]:
    """A detail's names and values, for a table; a bare value has no name."""
    if isinstance(detail, dict):
        return [(name, str(value)) for name, value in detail.items()]
    return [] if detail is None else [("", str(detail))]


def two_lines(first: str, second: str) -> SafeString:
    """A fact, and below it a quieter one."""
    return format_html('{}<br><span class="pn-quiet">{}</span>', first, second)


def quiet(text: str) -> SafeString:
    """Something that matters less."""
    return format_html('<span class="pn-quiet">{}</span>', text)


def coloured(text: str, meaning: str) -> SafeString:
    """Text in the colour of its meaning."""
    return format_html('<span class="pn-badge pn-{}" title="{}">{}</span>', COLOURS[meaning], meaning, text)


def coloured_word(text: str, colour: str) -> SafeString:
    """A word in one of the colours: plain, info, primary, success, warning or danger."""
    return format_html('<span class="pn-badge pn-{}">{}</span>', colour, text)


def deleted(text: str) -> SafeString:
    """The name of something that is no longer there."""
    return format_html('<s class="pn-quiet">{}</s>', text)


def outcome(word: str) -> SafeString:
    """An attempt's outcome in its colour; none yet is running."""
    colour = {"": "primary", "completed": "success", "declined": "plain", "postponed": "warning"}.get(
        word, "danger"
    )
    return format_html('<span class="pn-badge pn-{}">{}</span>', colour, word or "running")


def move(from_state: str, to_state: str) -> SafeString:
    """From where to where."""
    arrow = '{} <span class="pn-quiet">→</span> {}'
    return format_html(arrow, badge(from_state), badge(to_state)) if from_state else badge(to_state)


def task_link(task_id: str) -> SafeString:
    """To the result of a task, found by its id: it is written after its attempts."""
    if not task_id:
        return NOTHING
    address = reverse("admin:django_celery_results_taskresult_changelist")
    return format_html('<a class="pn-link pn-mono" href="{}?q={}">{}</a>', address, task_id, task_id[:8])


def task_status(word: str) -> SafeString:
    """Celery's word for how a task went, in its colour."""
    colour = {"SUCCESS": "success", "FAILURE": "danger", "REVOKED": "danger"}.get(word, "primary")
    return format_html('<span class="pn-badge pn-{}">{}</span>', colour, word.lower())


def value(given: Any) -> Any:
    """A column's value as it is read best."""
    match given:
        case None | "":
            return NOTHING
        case datetime(tzinfo=None):
            return f"{given:%Y-%m-%d %H:%M:%S}, local"
        case datetime():
            return format_html("{} UTC", instant(given))
        case Model():
            return link_to(given)
        case [int(), *_]:  # ids, of which there may be thousands
            return ", ".join(map(str, given))
        case dict() | list():
            return format_html(
                '<pre class="pn-mono">{}</pre>', json.dumps(given, indent=2, ensure_ascii=False)
            )
    return str(given)
