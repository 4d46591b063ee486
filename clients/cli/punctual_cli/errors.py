"""What ends a command: one sentence, and the exit code that goes with it."""

from __future__ import annotations

import inspect
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. docs/cli.md tells each of them."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_LOGGED_IN = 3
    UNREACHABLE = 4
    CONFLICT = 5
    FAULT = 70
    INTERRUPTED = 130
    UNREAD = 141


class CliError(Exception):
    """The command could not do what was asked. The docstring of each kind is its message, filled from facts."""

    exit_code = ExitCode.REFUSED

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(inspect.cleandoc(type(self).__doc__ or "").format(**facts))


class WrongUsage(CliError):
    """{problem}. {remedy}."""

    exit_code = ExitCode.USAGE


class NotConfirmed(CliError):
    """Nothing was changed."""


class NobodyToAsk(CliError):
    """There is no terminal to ask in: "{question}" Say --yes if it is."""

    exit_code = ExitCode.USAGE


class Unread(CliError):
    """Whoever read the output went away."""

    exit_code = ExitCode.UNREAD
