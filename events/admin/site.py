"""The site's name, navigation and colours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse_lazy

from events.lifecycle import IN_FLIGHT, State
from events.queries import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest


def _may_see(app: str, model: str, request: HttpRequest) -> bool:
    return any(request.user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change"))


def _is_here(link: Any, request: HttpRequest) -> bool:
    path, _, query = str(link).partition("?")
    asked = request.META.get("QUERY_STRING", "")
    return (request.path == path and asked == query) or (
        not query and not asked and request.path.startswith(path)
    )


def _item(title: str, icon: str, model: str, **query: Any) -> dict[str, Any]:
    app, _, name = model.partition(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist", query=query or None)
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "active": partial(_is_here, link),
        "permission": partial(_may_see, app, name),
    }


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": bool(title), "items": list(items)}


def _words(states: Iterable[State]) -> list[str]:
    return [state.value for state in sorted(states)]


OVERVIEW = {
    "title": "Overview",
    "icon": "schedule",
    "link": reverse_lazy("admin:index"),
    "active": lambda request: request.path == str(reverse_lazy("admin:index")),
}
NAVIGATION = [
    _group(
        "",
        OVERVIEW,
        _item("People & things", "group", "events.entity"),
        _item("Rules", "event_repeat", "events.rule"),
        _item("Calendars", "calendar_month", "events.calendar"),
        _item("Group types", "category", "events.grouptype"),
        _item("Message groups", "stacks", "events.group"),
    ),
    _group(
        "Occurrences",
        _item("All", "list_alt", "events.occurrence"),
        _item("Scheduled", "hourglass_empty", "events.occurrence", state=_words({State.SCHEDULED})),
        _item("In flight", "send", "events.occurrence", state=_words(IN_FLIGHT)),
        _item("Retrying", "replay", "events.occurrence", state=_words({State.RETRYING})),
        _item("Held", "pause_circle", "events.occurrence", held="any"),
        _item("Late", "timer", "events.occurrence", lateness="late"),
        _item("Dead letters", "report", "events.occurrence", state=_words(DEAD_LETTERS)),
    ),
    _group(
        "History",
        _item("Log of moves", "history", "events.transition"),
        _item("Attempts", "ads_click", "events.attempt"),
        _item("Task results", "task_alt", "django_celery_results.taskresult"),
        _item("Sweeps", "radar", "events.sweep"),
        _item("Deliveries", "inbox", "log_handler.delivery"),
    ),
    _group(
        "Machine",
        _item("At work", "conveyor_belt", "events.chunkstart"),
        _item("Breakers", "electrical_services", "events.breaker"),
        _item("Downtimes", "cloud_off", "events.downtime"),
        _item("Clocks", "watch", "events.processclock"),
    ),
    _group(
        "Beat",
        _item("Periodic tasks", "timer_play", "django_celery_beat.periodictask"),
        _item("Intervals", "update", "django_celery_beat.intervalschedule"),
    ),
    _group(
        "Users",
        _item("Users", "person", "auth.user"),
        _item("Groups", "shield_person", "auth.group"),
        _item("API keys", "key", "events.apikey"),
    ),
]
TEAL = {
    "50": "240 250 250",
    "100": "214 242 241",
    "200": "173 228 227",
    "300": "118 207 207",
    "400": "59 178 180",
    "500": "31 150 154",
    "600": "17 120 126",
    "700": "18 97 103",
    "800": "20 78 84",
    "900": "21 65 70",
    "950": "6 41 46",
}
UNFOLD = {
    "SITE_TITLE": "Punctual",
    "SITE_HEADER": "Punctual",
    "SITE_SUBHEADER": "Everything at its time",
    "SITE_SYMBOL": "schedule",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("events/favicon.svg")}  # noqa: ARG005
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "COLORS": {"primary": TEAL},
    "STYLES": [lambda request: static("events/punctual.css")],  # noqa: ARG005 - unfold's signature
    "DASHBOARD_CALLBACK": "events.admin.dashboard.fill",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}

# unfold reads its look from the settings; ours belongs to these pages, and a deployment's own wins.
if not hasattr(settings, "UNFOLD"):
    settings.UNFOLD = UNFOLD
admin.site.index_template = "events/dashboard.html"
admin.site.index_title = "Overview"
