"""The examples of docs/api.md, sent as they stand there, in their order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from django.test import Client

from events.api.problems import PROBLEMS

if TYPE_CHECKING:
    from pytest_django import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
EXAMPLE = re.compile(r"^```http\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


@dataclass
class Example:
    """A request as it is written, and what is said to be answered."""

    method: str
    path: str
    sent: dict[str, str]
    body: str
    status: int
    answered: dict[str, str]
    told: str


def examples() -> list[Example]:
    return [_example(text) for text in EXAMPLE.findall(PAGE.read_text())]


def _example(text: str) -> Example:
    asked, answer = re.split(r"\n\n(?=\d{3}\n)", text, maxsplit=1)
    head, _, body = asked.partition("\n\n")
    (method, path), *sent = [line.split(" ", 1) for line in head.splitlines()]
    status, *answered = answer.partition("\n\n")[0].splitlines()
    headers = {name.rstrip(":"): value for name, value in sent}
    return Example(
        method, path, headers, body.strip(), int(status), dict(_pair(line) for line in answered),
        answer.partition("\n\n")[2].strip(),
    )  # fmt: skip


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def is_as_told(told: Any, real: Any, ids: dict[int, int]) -> bool:
    """Whether what is told is there, beside whatever else there is; the numbers of things are those of this run."""
    if told == ANYTHING:
        return real is not None
    if isinstance(told, dict) and isinstance(real, dict):
        if isinstance(told.get("id"), int):
            ids.setdefault(told["id"], real["id"])
            told = told | {"id": ids[told["id"]]}
        return all(name in real and is_as_told(value, real[name], ids) for name, value in told.items())
    if isinstance(told, list) and isinstance(real, list):
        return len(told) == len(real) and all(is_as_told(*pair, ids) for pair in zip(told, real, strict=True))
    return bool(told == real)


def lines(body: bytes, media_type: str) -> list[Any]:
    return [orjson.loads(line) for line in (body.splitlines() if "ndjson" in media_type else [body])]


def test_every_example_is_answered_as_the_page_says(db: None, settings: Settings) -> None:
    settings.PUNCTUAL_REGISTRATION_OPEN = True
    known: dict[str, dict[int, int]] = {}
    key = ""
    assert len(examples()) > 15
    for example in examples():
        ids = known.setdefault(example.path.split("/")[3].partition("?")[0], {})
        path = re.sub(r"/(\d+)\b", lambda found, ids=ids: f"/{ids[int(found[1])]}", example.path)  # type: ignore[misc]
        headers = {"Authorization": f"Bearer {key}", **example.sent}
        media_type = headers.pop("Content-Type", "application/json")
        answer: Any = Client().generic(
            example.method, path, data=example.body, content_type=media_type, headers=headers
        )
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == example.status, (example, body)
        assert {name: answer.get(name) for name in example.answered} == example.answered, example
        many = "ndjson" in media_type
        told = [json.loads(line) for line in (example.told.splitlines() if many else [example.told])]
        assert is_as_told(told, lines(body, media_type), ids), (example.told, body)
        if path.endswith("/login"):
            key = orjson.loads(body)["key"]


def test_every_problem_is_in_the_table_with_its_status() -> None:
    table = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    assert {slug: int(status) for status, slug in table} == {
        slug: status for slug, (status, _) in PROBLEMS.items()
    }
