"""remind, list, next, past, snooze, cancel, done."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

import typer

from punctual_cli.errors import WrongUsage
from punctual_cli.exposing import command
from punctual_cli.inputs import read_entity, read_length, read_object
from punctual_cli.moments import as_instant, ask_moment, is_written_out
from punctual_cli.plain import plain
from punctual_cli.session import Session
from punctual_cli.times import read_instant
from punctual_cli.told import LIMIT, YES, moment_told, occurrence_rows, when_told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

ID = Annotated[int, typer.Argument(help="The reminder's number, as `punctual list` shows it.")]
TIMES = ("--at", "--every", "--within", "--cron", "--rrule")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "remind")(remind)
    command(app, "list")(list_reminders)
    command(app, "next")(next_ones)
    command(app, "past")(past)
    command(app, "snooze")(snooze)
    command(app, "cancel")(cancel)
    command(app, "done")(done)


def remind(
    session: Session,
    text: Annotated[str, typer.Argument(help='What to be reminded of, such as "Call mom".')],
    at: Annotated[str, typer.Option("--at", help='Once: "tomorrow 9am", or 2026-12-24T18:00.')] = "",
    every: Annotated[str, typer.Option("--every", help='Again and again: "weekday 9am".')] = "",
    within: Annotated[
        str, typer.Option("--within", help="At a random moment, which nobody knows before: 3d, or 12h.")
    ] = "",
    cron: Annotated[str, typer.Option("--cron", help='As cron has it: "0 9 * * 1-5".')] = "",
    rrule: Annotated[str, typer.Option("--rrule", help="As RFC 5545 has it; with --from.")] = "",
    start: Annotated[str, typer.Option("--from", help="The first local time of --rrule (DTSTART).")] = "",
    whom: Annotated[str, typer.Option("--for", metavar="KIND/ID", help="Whom; by default yourself.")] = "",
    handler: Annotated[str, typer.Option(help="What delivers it; by default as the server is set.")] = "",
    payload: Annotated[str, typer.Option(help="What the handler gets besides: JSON, or @FILE.")] = "",
    *,
    yes: YES = False,
) -> None:
    """Be reminded of something: once, again and again, or at a random moment."""
    body: dict[str, Any] = {"text": text, **_when(at, every, within, cron, rrule, start)}
    body["timezone"] = session.zone.key
    if whom:
        body["for"] = read_entity(whom)
    if handler:
        body["handler"] = handler
    if payload:
        body["payload"] = read_object(payload, "--payload")
    echo = session.server.post("/reminders", {**body, "dry_run": True}).told
    session.out.confirm(f"{plain(text)}: {_meant(echo, session.zone)}.", yes=yes)
    if _is_once(echo) and "phrase" in body:
        # What was said yes to is this moment, although its phrase may mean another one by now.
        del body["phrase"]
        body["at"] = _wall_time(echo["due_at"], session.zone)
    told = session.server.post("/reminders", body).told
    session.out.one(told, f"Reminder {told['id']}: {when_told(told, session.zone)}.")


def list_reminders(session: Session, limit: LIMIT = 50) -> None:
    """Show what is still to come, of each reminder the next time."""
    zone = session.zone
    found = list(session.server.items("/reminders", limit=limit))
    rows = ([each["id"], _next_of(each, zone), each["text"], _how(each)] for each in found)
    session.out.table(found, ["id", f"next ({zone.key})", "reminder", "when"], rows, "You have no reminders.")


def next_ones(session: Session, limit: LIMIT = 10) -> None:
    """Show what happens next, of everything that is yours."""
    found = list(session.server.items("/occurrences", when="upcoming", limit=limit))
    head, rows = occurrence_rows(found, session.zone)
    session.out.table(found, head, rows, "Nothing is ahead.")


def past(session: Session, limit: LIMIT = 20) -> None:
    """Show the reminders that came, the latest first, and what was snoozed."""
    found = list(session.server.items("/reminders/past", limit=limit))
    head, rows = occurrence_rows(found, session.zone)
    session.out.table(found, head, rows, "No reminder came yet.")


def snooze(
    session: Session,
    number: ID,
    length: Annotated[str, typer.Option("--for", help="How much later: 20m, 1h, 3d.")] = "",
    until: Annotated[
        str, typer.Option("--until", help='Until when: "tomorrow 9am", or 2026-12-24T18:00.')
    ] = "",
    *,
    yes: YES = False,
) -> None:
    """Put a reminder off, once; the times after it stay."""
    if bool(length) == bool(until):
        raise WrongUsage(problem="Give either --for or --until", remedy="Say for example --for 1h")
    if until:
        instant = ask_moment(session, f"Reminder {number}", until, option="--until", yes=yes)
        body = {"until": as_instant(instant)}
    else:
        body = {"for": read_length(length)}
    told = session.server.post(f"/reminders/{number}/snooze", body).told
    session.out.one(told, f"Reminder {number} comes {when_told(told, session.zone)}.")


def cancel(
    session: Session,
    number: ID,
    *,
    next_only: Annotated[
        bool, typer.Option("--next", help="Only its next time; it goes on after that.")
    ] = False,
) -> None:
    """Take a reminder back."""
    path = f"/reminders/{number}"
    if next_only:
        told = session.server.post(f"{path}/skip-next").told
        session.out.one(told, f"The next time of reminder {number} is skipped.")
        return
    seen = session.server.get(path)
    session.server.delete(path, version=seen.version)
    session.out.one({"id": number, "cancelled": True}, f"Reminder {number} is cancelled.")


def done(session: Session, number: ID) -> None:
    """Say that what a reminder is about is done; it does not come again."""
    told = session.server.post(f"/reminders/{number}/done").told
    session.out.one(told, f"Reminder {number} is done.")


def _when(at: str, every: str, within: str, cron: str, rrule: str, start: str) -> dict[str, str]:
    """The one time that was given, as the API's fields."""
    given = [option for option, text in zip(TIMES, (at, every, within, cron, rrule), strict=True) if text]
    if len(given) != 1:
        problem = f"{' and '.join(given)} exclude each other" if given else "When? Nothing was said"
        raise WrongUsage(problem=problem, remedy=f"Give one of {', '.join(TIMES)}")
    if bool(start) != bool(rrule):
        problem = "--rrule and --from belong together"
        raise WrongUsage(problem=problem, remedy="Give both: --rrule FREQ=DAILY --from 2026-12-24T18:00")
    if rrule:
        return {"rrule": rrule, "dtstart": start}
    if at:
        return {"at": at} if is_written_out(at) else {"phrase": at}
    if every:
        return {"phrase": every if every.lower().startswith("every ") else f"every {every}"}
    return {"within": read_length(within)} if within else {"cron": cron}


def _meant(echo: Mapping[str, Any], zone: ZoneInfo) -> str:
    """When it comes, to be asked about: the moment, and of what is repeated first how."""
    said = when_told(echo, zone)
    return said if echo["hidden"] or _is_once(echo) else f"{plain(echo['sentence'])}. The next: {said}"


def _is_once(echo: Mapping[str, Any]) -> bool:
    return not echo["hidden"] and bool(echo["due_at"]) and echo["sentence"].startswith("once")


def _wall_time(due_at: str, zone: ZoneInfo) -> str:
    """The instant as local time, as it was meant; as an instant where the local time alone means another."""
    instant = read_instant(due_at)
    wall = instant.astimezone(zone).replace(tzinfo=None)
    return wall.isoformat() if wall.replace(tzinfo=zone).astimezone(UTC) == instant else due_at


def _how(reminder: Mapping[str, Any]) -> str:
    """How it comes again, without its details, which `--json` has."""
    how, *_ = reminder["sentence"].split("; ")
    return str(how)


def _next_of(reminder: Mapping[str, Any], zone: ZoneInfo) -> str:
    """What a list says of the next time: what waits for somebody, or when it comes."""
    waits = reminder["waiting"]
    return f"waits for you: {waits.lower()}" if waits else moment_told(reminder, zone)
