"""Every error as a problem of RFC 9457: what was wrong, field by field, and what would be right."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from events.api.sentences import refusals_of
from events.errors import InvalidField, PunctualError
from events.operations import InvalidInput, OtherRequest, StaleVersion, TooManyCalls, WrongLogin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.http import HttpRequest

    Errors = Sequence[Mapping[str, str]]

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
# What two requests at the same moment may run into; any other constraint is there for faults of ours.
MET = (UniqueViolation, ForeignKeyViolation)
NEEDS_KEY = {"WWW-Authenticate": "Bearer"}

# What can go wrong, by the last part of its `type`: the status, and a title that is the same every time.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "no-key": (401, "A valid key is needed"),
    "wrong-login": (401, "Name or password is wrong"),
    "forbidden": (403, "The key may not do that"),
    "registration-closed": (403, "Accounts are made by the operators"),
    "missing": (404, "It is not there"),
    "wrong-method": (405, "The method is not for this address"),
    "conflict": (409, "Its state does not allow that"),
    "stale": (412, "It was changed meanwhile"),
    "too-large": (413, "The body is too large"),
    "wrong-type": (415, "The body is of the wrong type"),
    "invalid": (422, "The input was refused"),
    "key-reused": (422, "The idempotency key belongs to another request"),
    "version-needed": (428, "Say which version you saw"),
    "too-many": (429, "Too many calls"),
    "broken": (500, "That is a fault of Punctual"),
    "database-away": (503, "The database is away"),
}
# Which of them an error of the domain is; any other is a conflict with how things stand.
OF_DOMAIN: dict[type[PunctualError], str] = {
    StaleVersion: "stale",
    InvalidInput: "invalid",
    InvalidField: "invalid",
    TooManyCalls: "too-many",
    WrongLogin: "wrong-login",
    OtherRequest: "key-reused",
}
BY_STATUS = {status: slug for slug, (status, _) in reversed(PROBLEMS.items())}
BARE = {
    400: "The request cannot be read. Compare it with /api/v1/openapi.json.",
    404: "There is nothing at this address. /api/v1/openapi.json lists all that there are.",
    405: "This address does not take {method}. Use {allow}.",
    500: "Something went wrong within Punctual. Try again; its log tells an operator more under the request id.",
}


class ApiError(PunctualError):
    """What the API itself refuses; `slug` is the key in PROBLEMS."""

    slug: ClassVar[str] = "bad-request"


class Missing(ApiError):
    """There is no {what} of yours. Look it up in its list; what belongs to another account is not shown."""

    slug = "missing"

    def __init__(self, what: str) -> None:
        super().__init__(what=what)


def answer(request: HttpRequest, error: Any) -> HttpResponse:
    """The problem that an exception means; never anything of its inside."""
    slug, detail, errors, headers = _told(error)
    if slug == "broken":
        logger.error("a request failed", exc_info=error)
    return problem(request, slug, detail, errors=errors, headers=headers)


def problem(
    request: HttpRequest,
    slug: str,
    detail: str,
    *,
    errors: Errors = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An answer of PROBLEMS[slug]'s status."""
    status, title = PROBLEMS[slug]
    body = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": request.META["HTTP_X_REQUEST_ID"],
        "errors": list(errors),
    }
    return HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE, headers=headers)


def of_bare(request: HttpRequest, bare: HttpResponse) -> HttpResponse:
    """The problem that stands for an error that was answered without one, such as by Django itself."""
    slug = BY_STATUS.get(bare.status_code, "broken" if bare.status_code >= 500 else "bad-request")
    allow = bare.headers.get("Allow", "")
    told = BARE.get(PROBLEMS[slug][0], BARE[400])
    detail = told.format(method=request.method, allow=" or ".join(sorted(allow.split(", "))))
    return problem(request, slug, detail, headers={"Allow": allow} if allow else None)


def _told(error: Exception) -> tuple[str, str, Errors, Mapping[str, str]]:
    if isinstance(error, PunctualError):
        return _of_ours(error)
    if isinstance(error, (OperationalError, InterfaceError)):
        again = {"Retry-After": str(RETRY_SECONDS)}
        return "database-away", "The database does not answer now. Try again in a few seconds.", (), again
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, MET):
        logger.warning("two requests met: %s", error)
        return "conflict", "Another request did the same at the same moment. Look, and try again.", (), {}
    return _of_frameworks(error)


def _of_ours(error: PunctualError) -> tuple[str, str, Errors, Mapping[str, str]]:
    if isinstance(error, ApiError):
        return error.slug, str(error), (), {}
    slug = next((slug for kind, slug in OF_DOMAIN.items() if isinstance(error, kind)), "conflict")
    if isinstance(error, InvalidInput):
        return slug, _in_one_line(error), [field_of(each) for each in error.refusals], {}
    errors = [field_of(error)] if isinstance(error, InvalidField) else []
    return slug, _sentence(str(error)), errors, _headers(error)


def _headers(error: PunctualError) -> dict[str, str]:
    if isinstance(error, TooManyCalls):
        return {"Retry-After": str(error.facts["seconds"])}
    return NEEDS_KEY if isinstance(error, WrongLogin) else {}


def _of_frameworks(error: Exception) -> tuple[str, str, Errors, Mapping[str, str]]:
    if isinstance(error, ValidationError):
        errors = refusals_of(error)
        return "invalid", " ".join(_in_words(each) for each in errors[:3]), errors, {}
    if isinstance(error, AuthenticationError):
        detail = "Send the header Authorization: Bearer pk_… with a key of yours that is not revoked."
        return "no-key", detail, (), NEEDS_KEY
    if isinstance(error, HttpError) and isinstance(error.__cause__, PunctualError):
        return _of_ours(error.__cause__)
    if isinstance(error, Http404):
        return "missing", BARE[404], (), {}
    if isinstance(error, HttpError):
        return "bad-request", BARE[400], (), {}
    return "broken", BARE[500], (), {}


def field_of(refusal: InvalidField) -> dict[str, str]:
    """What the answer tells of one field."""
    return {
        "field": "body" if refusal.field == NON_FIELD_ERRORS else refusal.field,
        "problem": str(refusal.facts.get("problem", refusal)),
        "remedy": _sentence(str(refusal.facts.get("remedy", "Correct it and try again."))),
    }


def _in_one_line(error: InvalidInput) -> str:
    told, *_ = str(error).partition("\n")
    return f"{_sentence(told)} {_in_words(field_of(error.refusals[0]))}"


def _in_words(error: Mapping[str, Any]) -> str:
    return f"{error['field']}: {error['problem']}. {error['remedy']}".removeprefix(": ")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
