"""trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from punctual_cli.errors import WrongUsage
from punctual_cli.exposing import command
from punctual_cli.inputs import read_object
from punctual_cli.moments import as_instant, ask_moment
from punctual_cli.plain import plain
from punctual_cli.session import Session
from punctual_cli.times import moment_and_zone, read_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "trigger")(trigger)


def trigger(
    session: Session,
    function: Annotated[str, typer.Argument(help="The handler that is called.")],
    event: Annotated[str, typer.Argument(help="The event's id: with the function it names the trigger.")],
    at: Annotated[
        str, typer.Option("--at", help='When: "tomorrow 9am", or ISO such as 2026-12-24T18:00Z.')
    ] = "",
    payload: Annotated[
        str, typer.Option(help="What the handler gets besides: JSON, or @FILE, or @- for standard input.")
    ] = "",
    *,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It shall not fire.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Have a function called for an event at a moment; again, with another moment, to move it."""
    if bool(at) == withdraw or (withdraw and payload):
        raise WrongUsage(
            problem="Give either --at or --withdraw", remedy='Say for example --at "tomorrow 9am"'
        )
    body: dict[str, Any] = {"function": function, "event_id": event}
    if withdraw:
        body["status"] = "withdrawn"
    else:
        if payload:
            body["payload"] = read_object(payload, "--payload")
        body["trigger_at"] = as_instant(
            ask_moment(session, f"{function} for {event}", at, option="--at", yes=yes)
        )
        body["status"] = "active"
    told = session.server.post("/triggers", body).told
    session.out.one(told, plain(f"{function} for {event}: {told['result']}{_when(told, session.zone)}."))


def _when(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    standing = told["trigger"]
    if not standing or standing["status"] != "active":
        return ""
    return f", for {moment_and_zone(read_instant(standing['trigger_at']), zone)}"
