"""How our templates show rows, states, instants and durations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.dateformat import format as formatted

from events.queries import when_in_brief, whom_in_words
from events.templatetags import show

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.admin.views.main import ChangeList

register = template.Library()

register.simple_tag(show.link_to, name="page_of")
register.simple_tag(show.badge, name="badge")
register.simple_tag(show.outcome, name="outcome")
register.filter("instant", show.instant)
register.filter("duration", show.duration)
register.filter("lines", show.as_lines)
register.filter("when", when_in_brief)
register.filter("whom", whom_in_words)


@register.filter
def wall(moment: datetime, pattern: str) -> str:
    """A local time as it stands on the wall there; Django's own filter would turn it into UTC."""
    return formatted(moment.replace(tzinfo=None), pattern)


@register.filter
def clock(moment: datetime) -> str:
    """The time of day there, with seconds where there are any."""
    return formatted(moment.replace(tzinfo=None), "H:i:s" if moment.second else "H:i")


@register.filter
def offset(moment: datetime) -> str:
    """Its distance from UTC."""
    hours_and_minutes = f"{moment:%z}"
    return f"UTC{hours_and_minutes[:3]}:{hours_and_minutes[3:5]}" if moment.utcoffset() else "UTC"


@register.filter
def plain(value: Any) -> str:
    """A detail's value: from and to, or as JSON."""
    if isinstance(value, list) and len(value) == 2:
        return str(value[1]) if value[0] == value[1] else f"{value[0]} → {value[1]}"
    return value if isinstance(value, str) else json.dumps(value)


@register.filter
def as_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON, characters as they are read."""
    return json.dumps(value, indent=indent, ensure_ascii=False)


@register.simple_tag
def how_many(changes: ChangeList) -> str:
    """How many rows the list has; about how many, where counting would take too long."""
    paginator, noun = changes.paginator, str(changes.opts.verbose_name)
    plural = str(changes.opts.verbose_name_plural)
    if paginator.is_exact:
        return show.several(paginator.count, noun, plural)
    reached = f"pages reach the first {paginator.count:,}; filters reach the others"
    return f"about {show.several(paginator.estimate, noun, plural)} · {reached}"
