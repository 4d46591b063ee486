"""The configuration file: whom this person is on which server, and with which key."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from punctual_cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL = "default"
# What a group or others may do with a file that holds keys: nothing.
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class OpenToOthers(CliError):
    """{path} holds keys, and others may open it (its mode is {mode:o}). Close it first: chmod 600 {path}"""

    exit_code = ExitCode.USAGE


class UnreadableConfiguration(CliError):
    """{path}: {problem}. Correct it, or move it away and log in again: punctual login"""

    exit_code = ExitCode.USAGE


class UnwritableConfiguration(CliError):
    """{path} could not be written: {problem}. {remedy}"""


@dataclass(frozen=True, slots=True)
class Profile:
    """One account on one server. An empty text is what is not known."""

    url: str = ""
    key: str = ""
    key_id: int = 0
    username: str = ""
    timezone: str = ""


def address(given: str) -> str:
    """Return a server's address as profiles keep it, also where that of its API was given."""
    return given.strip().rstrip("/").removesuffix("/api/v1")


def configuration_path(environment: Mapping[str, str]) -> Path:
    """Return where the file is, after the XDG Base Directory Specification."""
    folder = environment.get("XDG_CONFIG_HOME", "")
    # The specification has relative paths ignored.
    base = Path(folder) if Path(folder).is_absolute() else Path.home() / ".config"
    return base / "punctual" / "config.toml"


def read_profiles(path: Path) -> dict[str, Profile]:
    """Return the profiles by name; none where there is no file. Raises OpenToOthers, UnreadableConfiguration."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if os.name == "posix" and mode & OTHERS:
                raise OpenToOthers(path=path, mode=mode)
            given = tomllib.load(stream).get("profiles", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnreadableConfiguration(path=path, problem=_said(error)) from error
    if not isinstance(given, dict):
        raise UnreadableConfiguration(path=path, problem="profiles is no table")
    return {name: _profile(path, name, table) for name, table in given.items()}


def write_profiles(path: Path, profiles: Mapping[str, Profile]) -> None:
    """Replace the file by these profiles, readable by its owner alone. Raises UnwritableConfiguration."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write("".join(_table(name, profile) for name, profile in profiles.items()))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise UnwritableConfiguration(
            path=path,
            problem=_said(error),
            remedy="PUNCTUAL_URL and PUNCTUAL_KEY in the environment need no file.",
        ) from error


def with_environment(profile: Profile, environment: Mapping[str, str]) -> Profile:
    """Return the profile with what the environment says instead.

    A key belongs to its server: where PUNCTUAL_URL names another one, the file's key is not sent there.
    """
    url = address(environment.get("PUNCTUAL_URL", ""))
    if url and url != profile.url:
        profile = Profile(url=url, timezone=profile.timezone)
    if key := environment.get("PUNCTUAL_KEY", ""):
        profile = replace(profile, key=key, key_id=0)
    return profile


def _profile(path: Path, name: str, table: Any) -> Profile:
    kinds: dict[str, type] = {"url": str, "key": str, "key_id": int, "username": str, "timezone": str}
    if not isinstance(table, dict):
        raise UnreadableConfiguration(path=path, problem=f"profiles.{name} is no table")
    for field, value in table.items():
        if type(value) is not kinds.get(field):
            problem = f"profiles.{name}.{field} is not known, or of another kind"
            raise UnreadableConfiguration(path=path, problem=problem)
    return Profile(**table)


def _table(name: str, profile: Profile) -> str:
    texts = {
        "url": profile.url,
        "key": profile.key,
        "username": profile.username,
        "timezone": profile.timezone,
    }
    lines = [f"{field} = {_quoted(text)}" for field, text in texts.items() if text]
    if profile.key_id:
        lines.append(f"key_id = {profile.key_id}")
    return "\n".join([f"[profiles.{_quoted(name)}]", *lines, "", ""])


def _quoted(text: str) -> str:
    """A basic string of TOML: JSON's, but for DEL, which JSON does not escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return f"it is not TOML in UTF-8 ({str(error).splitlines()[0]})"
