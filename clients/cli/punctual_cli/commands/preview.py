"""preview."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from punctual_cli.errors import WrongUsage
from punctual_cli.exposing import command
from punctual_cli.session import Session
from punctual_cli.told import firing_rows, sentence_told

KINDS = ("rrule", "cron", "every", "once")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "preview")(preview)


def preview(
    session: Session,
    phrase: Annotated[str, typer.Argument(help='In words, such as "every weekday at 9am".')] = "",
    rrule: Annotated[str, typer.Option(help="RFC 5545, such as FREQ=MONTHLY;BYDAY=1MO; with --from.")] = "",
    cron: Annotated[str, typer.Option(help='Such as "0 9 * * 1-5".')] = "",
    every: Annotated[str, typer.Option(help="ISO 8601, such as PT90M; with --from.")] = "",
    once: Annotated[str, typer.Option(help="A local time, such as 2026-12-24T18:00.")] = "",
    start: Annotated[str, typer.Option("--from", help="The first local time (DTSTART).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 10,
) -> None:
    """Show when something would happen. Nothing is written."""
    given: dict[str, Any] = dict(zip(KINDS, (rrule, cron, every, once), strict=True))
    given = {kind: value for kind, value in given.items() if value}
    if len(given) + bool(phrase) != 1:
        problem = "Give one: words, or --rrule, --cron, --every or --once"
        raise WrongUsage(problem=problem, remedy='Say for example: punctual preview "every weekday at 9am"')
    if phrase:
        body = {"phrase": phrase, "timezone": session.zone.key, "limit": limit}
        told = session.server.post("/phrases", body).told
    else:
        dtstart = {"dtstart": start} if start else {}
        body = {**given, **dtstart, "timezone": session.zone.key, "limit": limit}
        told = session.server.post("/preview", body).told
    session.out.sentence(sentence_told(told))
    found = told["occurrences"]
    head, rows = firing_rows(found, session.zone)
    session.out.table(found, head, rows, "It never happens from now on.")
