"""rules: list, show, pause, resume, next."""

from __future__ import annotations

from typing import Annotated

import typer

from punctual_cli.exposing import command
from punctual_cli.plain import plain
from punctual_cli.session import Session
from punctual_cli.told import LIMIT, facts, firing_rows, sentence_told

ID = Annotated[int, typer.Argument(help="The rule's number, as `punctual rules list` shows it.")]
REASON = Annotated[str, typer.Option(help="Why; the log keeps it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    rules = typer.Typer(help="What happens when, for whom.", no_args_is_help=True)
    command(rules, "list")(list_rules)
    command(rules, "show")(show)
    command(rules, "pause")(pause)
    command(rules, "resume")(resume)
    command(rules, "next")(next_firings)
    app.add_typer(rules, name="rules")


def list_rules(
    session: Session,
    state: Annotated[str, typer.Option(help="Only those: active, paused or retired.")] = "",
    limit: LIMIT = 50,
) -> None:
    """Show the rules."""
    found = list(session.server.items("/rules", limit=limit, state=state))
    rows = ([each["id"], each["name"], each["state"], each["when"], each["handler"]] for each in found)
    session.out.table(found, ["id", "rule", "state", "when", "handler"], rows, "There are no rules.")


def show(session: Session, number: ID) -> None:
    """Show all of one rule."""
    told = session.server.get(f"/rules/{number}").told
    session.out.one(told, facts(told))


def pause(session: Session, number: ID, reason: REASON = "") -> None:
    """Hold a rule back: nothing of it happens until it is resumed."""
    told = session.server.post(f"/rules/{number}/pause", {"reason": reason} if reason else {}).told
    session.out.one(told, f"Rule {number}, {plain(told['name'])}, is paused.")


def resume(session: Session, number: ID, reason: REASON = "") -> None:
    """Let a paused rule go on."""
    told = session.server.post(f"/rules/{number}/resume", {"reason": reason} if reason else {}).told
    session.out.one(told, f"Rule {number}, {plain(told['name'])}, goes on.")


def next_firings(
    session: Session,
    number: ID,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at most.")] = 10,
) -> None:
    """Show when a rule happens next."""
    told = session.server.get(f"/rules/{number}/next", limit=limit).told
    session.out.sentence(sentence_told(told))
    head, rows = firing_rows(told["items"], session.zone)
    session.out.table(told["items"], head, rows, "It does not happen again.")
