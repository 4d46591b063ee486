"""The way in and out of every call: its id, who asks, the body within its limits, and a POST's answer given again.

`Door` is the middleware around all that is answered under the API's address; `through` is around each operation.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from ninja.errors import AuthenticationError

from events import clock, operations
from events.api import problems
from events.api.bodies import JSON, Taken, read_body
from events.api.callers import Caller, check_scope, reads
from events.operations.kept_answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from ninja.operation import Operation

    Run = Callable[..., HttpResponseBase]

ROOT = "/api/v1/"
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
LOWEST_ERROR, LOWEST_FAULT = 400, 500


class InvalidIdempotencyKey(problems.ApiError):
    """The header Idempotency-Key must have 1 to 255 visible ASCII characters. A new UUID for each request will do."""

    slug = "invalid"


class Door:
    """Gives each call under the API's address an id, and each error the form of a problem."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, which no cache keeps."""
        if not request.path_info.startswith(ROOT):
            return self.get_response(request)
        request_id = request.META["HTTP_X_REQUEST_ID"] = _id_of(request)
        vars(request).pop("headers", None)  # read before, and with the client's own id
        if "\x00" in request.path_info:
            answer: HttpResponseBase = problems.answer(request, problems.Missing("such thing"))
        else:
            answer = _in_form(request, self.get_response(request))
        answer.headers["X-Request-Id"] = request_id
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _id_of(request: HttpRequest) -> str:
    """The client's own, where it is a UUID; it is the correlation id of what the call does."""
    try:
        return str(UUID(request.META.get("HTTP_X_REQUEST_ID", "")))
    except ValueError:
        return str(uuid4())


def _in_form(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    if answer.status_code < LOWEST_ERROR or answer.headers.get("Content-Type") == problems.MEDIA_TYPE:
        return answer
    assert isinstance(answer, HttpResponse)
    return problems.of_bare(request, answer)


def through(run: Run) -> Run:
    """An operation behind the door: keys first, then the body, then what was answered before."""
    operation: Operation = run.__self__  # type: ignore[attr-defined]  # ninja decorates its bound method
    taken: Taken = getattr(operation.view_func, "taken", JSON)

    @wraps(run)
    def enter(request: HttpRequest, **names: Any) -> HttpResponseBase:
        with ExitStack() as held:
            try:
                caller = _caller(operation, request)
                held.callback(read_body(request, taken).close)
                is_kept = not reads(request, operation.view_func)
                answer = _answered(request, caller if is_kept else None, lambda: run(request, **names))
            except Exception as error:  # noqa: BLE001 - the isolation point: every error becomes a problem
                return problems.answer(request, error)
            if answer.streaming:  # who streams closes what he reads
                held.pop_all()
            return answer

    return enter


def _caller(operation: Operation, request: HttpRequest) -> Caller | None:
    """Who asks; None where no key is needed. Raises AuthenticationError, TooManyCalls, ReadOnly."""
    if not operation.auth_callbacks:
        return None
    caller: Caller | None = operation.auth_callbacks[0](request)
    if caller is None:
        raise AuthenticationError
    check_scope(request, operation.view_func, caller)
    return caller


def _answered(
    request: HttpRequest, caller: Caller | None, do: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    key = _key(request) if caller else None
    if caller is None or key is None:
        return do()
    operations.prune_answers(now=clock.now())
    return _once(request, caller, key, do)


def _key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return None
    if not KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return key


def _once(
    request: HttpRequest, caller: Caller, key: str, do: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """What `do` answers, in one transaction with all that it writes; or what was answered before.

    A fault keeps nothing, and nothing of its effect. What would be told line by line is told when all is committed:
    no transaction waits for a client to read.
    """
    with transaction.atomic():
        known = operations.begin_answer(caller.owner_id, key, _digest(request), now=clock.now())
        if known is not None:
            return _replayed(known)
        answer = _whole(do())
        if answer.status_code >= LOWEST_FAULT:
            transaction.set_rollback(True)
        else:
            operations.keep_answer(caller.owner_id, key, _answer(answer))
    return answer


def _whole(answer: HttpResponseBase) -> HttpResponse:
    if isinstance(answer, StreamingHttpResponse):
        return HttpResponse(b"".join(answer), status=answer.status_code, headers=dict(answer.headers))
    assert isinstance(answer, HttpResponse)
    return answer


def _answer(answer: HttpResponse) -> Answer:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    return Answer(answer.status_code, headers, answer.content)


def _replayed(known: Answer) -> HttpResponse:
    return HttpResponse(
        known.body, status=known.status, headers={**known.headers, "Idempotent-Replayed": "true"}
    )


def _digest(request: HttpRequest) -> bytes:
    """What was asked: method, address and body."""
    told = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    told.update(request.body_digest)  # type: ignore[attr-defined]
    return told.digest()
