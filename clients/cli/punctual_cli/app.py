"""All commands in one tree."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from punctual_cli import __version__
from punctual_cli.commands import account, groups, people, preview, reminders, rules, triggers, watch

HELP = "Punctual's command line: what shall happen, and when. Exit codes and settings: docs/cli.md."

app = typer.Typer(name="punctual", help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        sys.stdout.write(f"punctual {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Nothing of its own."""


for module in (account, reminders, watch, preview, rules, people, triggers, groups):
    module.add_to(app)
