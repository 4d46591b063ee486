"""Arguments that are more than a word: JSON, whom something is for, lengths of time."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from punctual_cli.errors import WrongUsage

LARGEST_FILE = 1_048_576
# 90s, 20m, 1h, 3d, 2w; and joined, as in 1h30m
LENGTH = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def read_json(text: str, option: str) -> Any:
    """Return what an option's JSON says: itself, or with @ the content of a file, or with @- standard input."""
    if text.startswith("@"):
        text = _content(text[1:], option)
    try:
        return json.loads(text)
    except ValueError as error:
        problem = f"{option}: it is not JSON ({error})"
        remedy = """Quote it for the shell, as in '{"text": "Call mom"}', or name a file: @payload.json"""
        raise WrongUsage(problem=problem, remedy=remedy) from error


def read_object(text: str, option: str) -> dict[str, Any]:
    """Return the JSON object of an option."""
    found = read_json(text, option)
    if not isinstance(found, dict):
        raise WrongUsage(
            problem=f"{option}: it is no JSON object", remedy='Give one such as {"text": "hello"}'
        )
    return found


def read_entity(text: str) -> dict[str, str]:
    """Return {"kind", "external_id"} of "kind/id"; without a kind it is a person."""
    kind, slash, external_id = text.partition("/")
    if not slash:
        kind, external_id = "person", text
    if not kind or not external_id:
        raise WrongUsage(problem=f"--for: {text!r} names nobody", remedy="Give kind/id, such as person/alice")
    return {"kind": kind, "external_id": external_id}


def read_length(text: str) -> str:
    """Return "PT1H" for "1h", as ISO 8601 writes lengths of time; what is written otherwise as it is."""
    found = LENGTH.fullmatch(text.replace(" ", "").lower())
    if not text or found is None:
        return text
    weeks, days, *clock = (int(part) if part else 0 for part in found.groups())
    date = f"{weeks * 7 + days}D" if weeks or days else ""
    time = "".join(f"{number}{unit}" for number, unit in zip(clock, "HMS", strict=True) if number)
    return f"P{date}{'T' if time else ''}{time}" if date or time else text


def segment(text: object) -> str:
    """Return the text as one part of a path."""
    return quote(str(text), safe="")


def _content(name: str, option: str) -> str:
    try:
        raw = sys.stdin.buffer.read(LARGEST_FILE + 1) if name == "-" else _read(Path(name))
        if len(raw) > LARGEST_FILE:
            raise WrongUsage(problem=f"{option}: {name} has more than 1 MiB", remedy="Give less")
        return raw.decode("utf-8")
    except OSError as error:
        problem = f"{option}: {name} cannot be read ({(error.strerror or str(error)).lower()})"
        raise WrongUsage(problem=problem, remedy="Name a file that you may read") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(problem=f"{option}: {name} is not UTF-8", remedy="Convert it first") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)
