"""Every handler that is offered, the broken ones too; and the rules whose handler is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.handling.registry import sources, usable
from events.models import Rule, RuleState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from events.handling import Handler


@dataclass(frozen=True, slots=True)
class Offer:
    """One handler that the settings or a package name: usable, or with the problem that it has."""

    origin: str
    handler: Handler | None
    problem: str = ""


def offered_handlers() -> list[Offer]:
    """Every offer by its origin, in the order in which they are installed; never raises for a broken one."""
    taken: dict[str, str] = {}
    return [_examined(origin, load, taken) for origin, load in sources()]


def rules_without_handler(installed: Collection[str]) -> dict[str, int]:
    """How many live rules name each handler that is not installed."""
    live = Rule.objects.exclude(state=RuleState.RETIRED).exclude(handler__in=list(installed))
    counts: dict[str, int] = {}
    for handler in live.order_by("handler").values_list("handler", flat=True):
        counts[handler] = counts.get(handler, 0) + 1
    return counts


def _examined(origin: str, load: Callable[[], object], taken: dict[str, str]) -> Offer:
    try:
        handler = usable(origin, load())
    except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises is what is told of it
        return Offer(origin, None, str(error) or type(error).__name__)
    if handler.name in taken:
        return Offer(origin, None, f"it is called {handler.name!r}, as {taken[handler.name]} is")
    taken[handler.name] = origin
    return Offer(origin, handler)
