"""How a function becomes a command: it gets a Session, and the command the options that all of them share."""

from __future__ import annotations

import inspect
from contextlib import closing
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from punctual_cli.session import Session, Shared

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED: dict[str, Any] = {
    "as_json": Annotated[
        bool, typer.Option("--json", help="Answer in JSON: one object, or one a line, and nothing else.")
    ],
    "profile": Annotated[
        str, typer.Option("--profile", metavar="NAME", help="The account of that name in the configuration.")
    ],
    "zone": Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="The zone of all times, such as Europe/Berlin.")
    ],
}


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a function to an app under this name. Its first parameter gets the Session."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name)(_exposed(function))
        return function

    return add


def _exposed(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the shared options in place of its session."""

    @wraps(function)
    def run(**given: Any) -> None:
        shared = Shared(**{name: given.pop(name) for name in SHARED})
        with closing(Session(shared)) as session:
            function(session, **given)

    signature = inspect.signature(function, eval_str=True)
    _, *own = signature.parameters.values()
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_nothing(name), annotation=kind)
        for name, kind in SHARED.items()
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    run.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in [*own, *shared]}
    return run


def _nothing(name: str) -> bool | str:
    return False if name == "as_json" else ""
