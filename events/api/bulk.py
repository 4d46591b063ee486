"""Many entities at once: a line of JSON for each in, a line that says what became of it out, in the same order."""

from __future__ import annotations

from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

import pydantic
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Router

from events import operations
from events.api.bodies import MIB, Taken, takes
from events.api.callers import caller_of, origin_of
from events.api.entities import EntityGiven
from events.api.json_io import as_json, read_json
from events.api.problems import ApiError, field_of
from events.api.sentences import refusal_of
from events.errors import InvalidField
from events.operations import Became, EntityFacts, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http.response import HttpResponseBase

router = Router(tags=["entities"])

NDJSON = "application/x-ndjson"
MOST_BYTES, MOST_LINES, LONGEST_LINE = 16 * MIB, 10_000, 65_536
BATCH = 1_000
READ_AT_ONCE = 65_536


class TooManyLines(ApiError):
    """The body has more than {most:,} lines. Send the rest in a further call."""

    slug = "too-large"


class EntityLine(EntityGiven):
    """One line: an entity with its names."""

    kind: str = Field(max_length=50)
    external_id: str = Field(max_length=200)


class Line:
    """One line that was read: the facts, or why it was refused."""

    def __init__(self, number: int, given: EntityFacts | list[dict[str, str]]) -> None:
        self.number = number
        self.given = given


EXAMPLE = '{"kind": "person", "external_id": "alice", "timezone": "America/New_York"}\n'
RESULT = '{"line": 1, "status": "created", "id": 5}\n'
DESCRIBED = {
    "requestBody": {
        "required": True,
        "content": {NDJSON: {"schema": {"type": "string", "examples": [EXAMPLE]}}},
    },
    "responses": {
        200: {
            "description": "A line for each line: created, changed, unchanged or refused.",
            "content": {NDJSON: {"schema": {"type": "string", "examples": [RESULT]}}},
        }
    },
}


@router.post("/entities/bulk", openapi_extra=DESCRIBED)
@takes(Taken((NDJSON, "application/ndjson", "application/jsonl"), MOST_BYTES, is_file=True))
def put_in_bulk(request: HttpRequest) -> HttpResponseBase:
    """Create or write anew up to 10,000 entities, whatever their versions. A line that is refused stops no other."""
    file: IO[bytes] = request.body_file  # type: ignore[attr-defined]
    _check_lines(file)
    answers = _answers(request, file)
    # The first set is done before anything is answered, so that what is wrong with all of them is a problem.
    return StreamingHttpResponse(chain([next(answers, b"")], answers), content_type=NDJSON)


def _answers(request: HttpRequest, file: IO[bytes]) -> Iterator[bytes]:
    """What became of each line, in sets that are written one by one."""
    owner, lines = caller_of(request).owner_id, _lines(file)
    with file:
        while batch := list(islice(lines, BATCH)):
            given = [line.given for line in batch if isinstance(line.given, EntityFacts)]
            results = iter(operations.put_in_bulk(given, owner=owner, origin=origin_of(request)))
            yield b"".join(as_json(_told(line, results)) + b"\n" for line in batch)


def _told(line: Line, results: Iterator[Result]) -> dict[str, Any]:
    if not isinstance(line.given, EntityFacts):
        return {"line": line.number, "status": Became.REFUSED, "errors": line.given}
    result = next(results)
    told: dict[str, Any] = {"line": line.number, "status": result.became}
    if result.became is Became.REFUSED:
        return told | {"errors": [field_of(refusal) for refusal in result.refusals]}
    return told | {"id": result.entity_id}


def _check_lines(file: IO[bytes]) -> None:
    """Raise TooManyLines, before anything is written."""
    ends, last = 0, b"\n"
    while part := file.read(READ_AT_ONCE):
        ends, last = ends + part.count(b"\n"), part[-1:]
    if ends + (last != b"\n") > MOST_LINES:
        raise TooManyLines(most=MOST_LINES)
    file.seek(0)


def _lines(file: IO[bytes]) -> Iterator[Line]:
    """The lines that say something, by their numbers; of two that name the same entity the second is refused."""
    number, named = 0, dict[tuple[str, str], int]()
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        is_too_long = len(raw) > LONGEST_LINE
        while is_too_long and not raw.endswith(b"\n") and raw:
            raw = file.readline(LONGEST_LINE)
        if is_too_long:
            yield Line(
                number, [_wrong("line", f"it has more than {LONGEST_LINE:,} bytes", "Keep what rules need.")]
            )
        elif raw.strip():
            yield _named_once(_line(number, raw), named)


def _line(number: int, raw: bytes) -> Line:
    try:
        facts = EntityLine.model_validate(read_json(raw)).dict()
    except pydantic.ValidationError as error:
        return Line(number, [refusal_of(each) for each in error.errors(include_url=False)])
    except ApiError as error:
        return Line(
            number,
            [_wrong("line", f"it is not JSON ({error.facts['problem']})", f"Write it as {EXAMPLE.strip()}")],
        )
    except InvalidField as error:
        return Line(number, [field_of(error)])
    return Line(number, EntityFacts(**facts))


def _named_once(line: Line, named: dict[tuple[str, str], int]) -> Line:
    if not isinstance(line.given, EntityFacts):
        return line
    name = (line.given.kind, line.given.external_id)
    first = named.setdefault(name, line.number)
    if first == line.number:
        return line
    return Line(
        line.number, [_wrong("external_id", f"line {first} names it already", "Give each entity once.")]
    )


def _wrong(field: str, problem: str, remedy: str) -> dict[str, str]:
    return {"field": field, "problem": problem, "remedy": remedy}
