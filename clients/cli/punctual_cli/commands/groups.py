"""group, and groups: list, show, flush, cancel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from punctual_cli.errors import WrongUsage
from punctual_cli.exposing import command
from punctual_cli.inputs import read_json
from punctual_cli.moments import as_instant, ask_moment
from punctual_cli.plain import plain
from punctual_cli.session import Session
from punctual_cli.times import moment, moment_and_zone, read_instant
from punctual_cli.told import LIMIT, YES, facts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

ID = Annotated[int, typer.Argument(help="The group's number, as `punctual groups list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "group")(add_message)
    groups = typer.Typer(help="Messages that are collected and dispatched together.", no_args_is_help=True)
    command(groups, "list")(list_groups)
    command(groups, "show")(show)
    command(groups, "flush")(flush)
    command(groups, "cancel")(cancel)
    app.add_typer(groups, name="groups")


def add_message(
    session: Session,
    group_type: Annotated[str, typer.Argument(metavar="TYPE", help="The type, such as UPLOAD.")],
    key: Annotated[str, typer.Argument(help="What the messages of one group share.")],
    at: Annotated[str, typer.Option("--at", help='When: "tomorrow 9am", or ISO such as 2026-12-24T18:00Z.')],
    message: Annotated[list[str] | None, typer.Option(help="JSON, or @FILE; may be given again.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="JSON, or @FILE; may be given again.")] = None,
    item_key: Annotated[
        str, typer.Option(help="The message's own: one with the same is not taken again.")
    ] = "",
    *,
    yes: YES = False,
) -> None:
    """Add a message to a group; the first opens it."""
    if not message and not data:
        raise WrongUsage(problem="There is nothing to add", remedy="""Give --message '"hello"', or --data""")
    body: dict[str, Any] = {
        "type": group_type,
        "id": key,
        "message": [read_json(each, "--message") for each in message or []],
        "data": [read_json(each, "--data") for each in data or []],
    }
    if item_key:
        body["key"] = item_key
    instant = ask_moment(session, f"{group_type} {key}", at, option="--at", yes=yes)
    told = session.server.post("/groups", {**body, "execute_at": as_instant(instant)}).told
    session.out.one(told, _taken(told, session.zone))


def list_groups(
    session: Session,
    group_type: Annotated[str, typer.Option("--type", help="Only of this type.")] = "",
    key: Annotated[str, typer.Option(help="Only with this key.")] = "",
    state: Annotated[
        str, typer.Option(help="Only those: open, due, at work, dispatched, failed, cancelled, skipped.")
    ] = "",
    limit: LIMIT = 50,
) -> None:
    """Show the groups, the latest first."""
    zone = session.zone
    found = list(session.server.items("/groups", limit=limit, type=group_type, key=key, state=state))
    rows = (
        [
            each["id"],
            each["type"],
            each["key"],
            each["state"],
            each["items"],
            moment(read_instant(each["execute_at"]), zone),
        ]
        for each in found
    )
    head = ["id", "type", "key", "state", "messages", f"when ({zone.key})"]
    session.out.table(found, head, rows, "There are no groups.")


def show(session: Session, number: ID) -> None:
    """Show a group with its messages."""
    told = session.server.get(f"/groups/{number}").told
    about = {name: value for name, value in told.items() if name != "messages"}
    messages = [f"message {each['position']}{_content(each)}" for each in told["messages"]]
    session.out.one(told, "\n".join([facts(about), *messages]))


def flush(session: Session, number: ID) -> None:
    """Dispatch a group now."""
    told = session.server.post(f"/groups/{number}/flush").told
    session.out.one(told, f"Group {number} goes now.")


def cancel(session: Session, number: ID, *, yes: YES = False) -> None:
    """Give a group up: none of its messages is dispatched."""
    session.out.confirm(f"Group {number} with all its messages is given up.", yes=yes)
    told = session.server.post(f"/groups/{number}/cancel").told
    session.out.one(told, f"Group {number} is cancelled.")


def _content(message: Mapping[str, Any]) -> str:
    parts = [
        f"{name} {json.dumps(message[name], ensure_ascii=False)}"
        for name in ("data", "message")
        if message[name]
    ]
    dropped = ["dropped"] if message["dropped_at"] else []
    return plain("".join(f", {part}" for part in [*dropped, *parts]))


def _taken(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    when = moment_and_zone(read_instant(told["execute_at"]), zone)
    was = "was taken before" if told["repeated"] else "is taken"
    return f"Message {told['position']} of group {told['group']} {was}; the group is dispatched {when}."
