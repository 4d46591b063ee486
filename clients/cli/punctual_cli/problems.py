"""What a server refused, as a sentence and an exit code (RFC 9457)."""

from __future__ import annotations

from typing import Any

from punctual_cli.errors import CliError, ExitCode
from punctual_cli.plain import plain


class Refused(CliError):
    """{sentence}"""


class NotLoggedIn(CliError):
    """{sentence} Log in: punctual login"""

    exit_code = ExitCode.NOT_LOGGED_IN


class WrongLogin(CliError):
    """{sentence}"""

    exit_code = ExitCode.NOT_LOGGED_IN


class Conflict(CliError):
    """{sentence}"""

    exit_code = ExitCode.CONFLICT


class Unreachable(CliError):
    """{url} {problem}. {remedy}"""

    exit_code = ExitCode.UNREACHABLE


class NotPunctual(CliError):
    """{url} answered {status}, and not as Punctual does. Is that its address? punctual login --url asks again."""

    exit_code = ExitCode.UNREACHABLE


KINDS: dict[int, type[CliError]] = {401: NotLoggedIn, 409: Conflict, 412: Conflict, 428: Conflict}


def sentence_of(told: Any) -> str:
    """Return what a problem says, as a sentence; of what is no problem that later may be better."""
    return _sentence(told) if isinstance(told, dict) and "title" in told else "Try again later."


def problem_of(status: int, told: Any, *, url: str) -> CliError:
    """Return the error for an answer of 400 or more; `told` is its body, read as JSON where it is that."""
    if not isinstance(told, dict) or "title" not in told:
        return NotPunctual(url=url, status=status)
    sentence = _sentence(told)
    if status >= 500:
        number = f" (request {plain(told['request_id'])})" if told.get("request_id") else ""
        remedy = "Its log says more."
        return Unreachable(url=url, problem=f"failed: {sentence.rstrip('.')}{number}", remedy=remedy)
    if told.get("type") == "/problems/wrong-login":
        return WrongLogin(sentence=sentence)
    return KINDS.get(status, Refused)(sentence=sentence)


def _sentence(told: dict[str, Any]) -> str:
    """The fields that were refused, each with its remedy; without any, what was told of the whole."""
    fields = [_of_field(error) for error in told.get("errors") or [] if isinstance(error, dict)]
    return "\n".join(fields) or _ended(plain(told.get("detail") or told["title"]))


def _of_field(error: dict[str, Any]) -> str:
    field = plain(error.get("field") or "")
    parts = [_ended(plain(error[part])) for part in ("problem", "remedy") if error.get(part)]
    return f"{field}: {' '.join(parts)}" if field else " ".join(parts)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
