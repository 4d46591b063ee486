"""`punctual`, and `python -m punctual_cli`: one run, which ends in an exit code and never in a traceback."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

import typer
from typer.main import get_command

from punctual_cli.app import app
from punctual_cli.errors import CliError, ExitCode, Unread
from punctual_cli.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    try:
        return _run(arguments)
    except typer.Abort:
        say("Nothing was changed.")
        return ExitCode.REFUSED
    except CliError as error:
        if not isinstance(error, Unread):
            say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except OSError as error:
        say(f"{error.filename or 'The system'}: {(error.strerror or str(error)).lower()}.")
        return ExitCode.REFUSED
    except Exception as fault:  # the isolation point: nobody reads tracebacks
        if os.environ.get("PUNCTUAL_DEBUG") == "1":
            raise
        say(
            f"punctual failed ({type(fault).__name__}: {fault}). That is a fault of its own: please report it."
        )
        say("PUNCTUAL_DEBUG=1 shows where it happened.")
        return ExitCode.FAULT


def run() -> None:
    """Run what the process was called with, and end it."""
    # What a terminal cannot show is shown escaped. JSON is UTF-8 whatever the locale is (RFC 8259).
    encoding = "utf-8" if "--json" in sys.argv else sys.stdout.encoding
    given, is_terminal = sys.stdout, sys.stdout.isatty()
    assert isinstance(given, TextIOWrapper)
    sys.stdout = Outlet(given.detach(), encoding, "backslashreplace", line_buffering=is_terminal)
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except Unread:
        code = ExitCode.UNREAD
    if code == ExitCode.UNREAD:
        # The interpreter's own flush at exit must not complain of it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


class Outlet(TextIOWrapper):
    """Standard output; where nobody reads it any more it raises Unread, which nothing in between catches."""

    def write(self, text: str) -> int:
        """Write, or raise Unread."""
        try:
            return super().write(text)
        except BrokenPipeError as error:
            raise Unread from error

    def flush(self) -> None:
        """Flush, or raise Unread."""
        try:
            super().flush()
        except BrokenPipeError as error:
            raise Unread from error


def _run(arguments: Sequence[str]) -> int:
    try:
        code = get_command(app).main(list(arguments), prog_name="punctual", standalone_mode=False)
    except typer.TyperException as usage:
        return _usage(usage)
    return _interrupted() if code == ExitCode.INTERRUPTED else ExitCode(code or 0)


def _usage(usage: typer.TyperException) -> int:
    """What was wrong with the command line, and where its help is."""
    context = getattr(usage, "ctx", None)
    path = context.command_path if context else "punctual"
    if said := usage.format_message().strip():  # nothing, where its help was shown in place of a command
        say(f"{path}: {said} See: {path} --help")
    return ExitCode.USAGE


def _interrupted() -> int:
    say("Interrupted.")
    return ExitCode.INTERRUPTED


if __name__ == "__main__":
    run()
