"""Which handlers are installed: those that the settings name, and those that other packages offer by entry point."""

from __future__ import annotations

from functools import cache, partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from events.errors import PunctualError
from events.handling.port import Handler, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ENTRY_POINT_GROUP = "punctual.handlers"


class DuplicateHandler(PunctualError):
    """Two handlers are called {name!r}: {first} and {second}. Rename one, or take one out of PUNCTUAL_HANDLERS."""


class BrokenHandler(PunctualError):
    """{origin} is not a usable handler: {problem}."""


class UnknownHandler(PunctualError):
    """No handler called {name!r} is installed. Installed: {installed}. See: manage.py list_handlers."""


@cache
def installed() -> Mapping[str, Handler]:
    """Every installed handler by name, in name order; raises DuplicateHandler or BrokenHandler."""
    found: dict[str, tuple[str, Handler]] = {}
    for origin, load in sources():
        handler = usable(origin, _loaded(origin, load))
        if handler.name in found:
            raise DuplicateHandler(name=handler.name, first=found[handler.name][0], second=origin)
        found[handler.name] = origin, handler
    return {name: found[name][1] for name in sorted(found)}


def get(name: str) -> Handler:
    """The installed handler of that name; raises UnknownHandler."""
    try:
        return installed()[name]
    except KeyError:
        raise UnknownHandler(name=name, installed=", ".join(installed()) or "none") from None


def sources() -> Iterator[tuple[str, Callable[[], object]]]:
    """Whatever is offered as a handler, not yet loaded: where it comes from, and how to load it."""
    for path in settings.PUNCTUAL_HANDLERS:
        yield path, partial(import_string, path)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        yield f"{point.value} (entry point {point.name})", point.load


def _loaded(origin: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except Exception as error:  # somebody else's module may raise anything while it is imported
        raise BrokenHandler(origin=origin, problem=f"{type(error).__name__}: {error}") from error


def usable(origin: str, offered: object) -> Handler:
    """The handler that a loaded offer is; raises BrokenHandler."""
    if not (isinstance(offered, type) and issubclass(offered, Handler)):
        raise BrokenHandler(origin=origin, problem="it is not a subclass of events.handling.Handler")
    if not isinstance(getattr(offered, "name", None), str) or not isinstance(
        getattr(offered, "kind", None), Kind
    ):
        raise BrokenHandler(origin=origin, problem="it does not say its name and its kind")
    return offered()
