"""login, logout, whoami."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from punctual_cli.errors import CliError, WrongUsage
from punctual_cli.exposing import command
from punctual_cli.problems import NotLoggedIn
from punctual_cli.profiles import Profile, address
from punctual_cli.session import Session

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
LONGEST_KEY_NAME = 100


class KeyStillValid(CliError):
    """The key was forgotten here, but it still opens the account: {why} Revoke it from another login."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "login")(login)
    command(app, "logout")(logout)
    command(app, "whoami")(whoami)


def login(
    session: Session,
    url: Annotated[str, typer.Option(help="The server's address. Asked for if it is not given.")] = "",
    name: Annotated[str, typer.Option(help="The account's name. Asked for if it is not given.")] = "",
    *,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, and ask nothing.")
    ] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Get a key that changes nothing.")] = False,
) -> None:
    """Get a key to an account, and keep it."""
    before = session.kept
    may_ask = not password_stdin
    url = address(url or os.environ.get("PUNCTUAL_URL", "") or _asked("URL", before.url, may_ask))
    name = name or _asked("Name", before.username, may_ask)
    password = _password(may_ask)
    _warn_of_plain_http(session, url)
    body = {
        "username": name,
        "password": password,
        "name": f"punctual on {socket.gethostname()}"[:LONGEST_KEY_NAME],
        "scope": "read" if read_only else "write",
    }
    key = session.server_at(url).post("/account/login", body).told
    session.keep(Profile(url, key["key"], key["id"], name, before.timezone))
    if before.url == url and before.key:
        _revoke(session, before)
    told = {"url": url, "username": name, "scope": body["scope"], "profile": session.profile_name}
    session.out.one(told, f"You are {name} at {url}.")


def logout(
    session: Session,
    *,
    local: Annotated[
        bool, typer.Option("--local", help="Only forget the key here; the server is not asked.")
    ] = False,
) -> None:
    """Revoke the key, and forget it."""
    profile = session.kept
    if not profile.key:
        session.out.one({"revoked": False}, "You were not logged in.")
        return
    problem = "" if local else _revoke(session, profile)
    session.forget_key()
    if problem:
        raise KeyStillValid(why=problem)
    session.out.one({"revoked": not local}, f"Logged out of {profile.url}.")


def whoami(session: Session) -> None:
    """Say whose key this is."""
    account = session.server.get("/account").told
    key = account["key"]
    session.out.one(
        account,
        f"{account['username']} at {session.profile.url}, in {account['timezone']}; "
        f"the key {key['name']!r} may {'change things' if key['scope'] == 'write' else 'look, and not change'}.",
    )


def _asked(what: str, usual: str, may_ask: bool) -> str:  # noqa: FBT001
    if not may_ask or not sys.stdin.isatty():
        if usual:
            return usual
        raise WrongUsage(problem=f"The {what.lower()} is missing", remedy=f"Give it with --{what.lower()}")
    sys.stderr.write(f"{what}{f' [{usual}]' if usual else ''}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() or usual


def _password(may_ask: bool) -> str:  # noqa: FBT001
    if not may_ask:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        remedy = "Say --password-stdin, and write the password there"
        raise WrongUsage(problem="There is no terminal to ask for the password in", remedy=remedy)
    return getpass.getpass("Password: ", stream=sys.stderr)


def _warn_of_plain_http(session: Session, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        session.out.note(f"{url} is not encrypted: whoever is on the way can read the password and the key.")


def _revoke(session: Session, profile: Profile) -> str:
    """Revoke a profile's key; why that did not work, or "". A key that opens nothing any more is revoked."""
    if not profile.key_id:
        return "its number is not known here."
    try:
        session.server_at(profile.url, profile.key).delete(f"/account/keys/{profile.key_id}")
    except NotLoggedIn:
        return ""
    except CliError as error:
        return str(error)
    return ""
