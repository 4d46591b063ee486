"""Bodies within their limits: read once, counted and digested as they come."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar

from events.api.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest

View = TypeVar("View", bound="Callable[..., Any]")
MIB = 1_048_576
READ_AT_ONCE = 65_536
WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What an operation takes: of these media types, so many bytes; `is_file`: left in a file for it to read."""

    media_types: tuple[str, ...]
    limit: int
    is_file: bool = False


JSON = Taken(("application/json", "application/merge-patch+json"), MIB)


class TooLarge(ApiError):
    """The body has more than {limit:,} bytes. Send less at once."""

    slug = "too-large"


class WrongType(ApiError):
    """{given} is not what this address reads. Send Content-Type: {wanted}, in UTF-8."""

    slug = "wrong-type"


class Encoded(ApiError):
    """The body is encoded as {given}. Send it as it is."""

    slug = "wrong-type"


def takes(taken: Taken) -> Callable[[View], View]:
    """For an operation whose body is not the usual one."""

    def mark(view: View) -> View:
        view.taken = taken  # type: ignore[attr-defined]
        return view

    return mark


def read_body(request: HttpRequest, taken: Taken) -> IO[bytes]:
    """Have the body in `request.body`, or in the file `request.body_file`, and its digest in `request.body_digest`.

    Returned is what is to be closed when the call is answered. Raises TooLarge, WrongType, Encoded.
    """
    given: Any = request
    # Closed by the caller.
    file: IO[bytes] = SpooledTemporaryFile(max_size=MIB) if taken.is_file else BytesIO()  # noqa: SIM115
    with ExitStack() as unread:
        unread.callback(file.close)
        given.body_digest = _copy(_parts(request, taken), file, taken.limit)
        if file.tell():
            _check_type(request, taken)
        unread.pop_all()
    file.seek(0)
    given.body_file, given._body = file, b"" if taken.is_file else file.read()
    return file


def _copy(parts: Iterator[bytes], file: IO[bytes], limit: int) -> bytes:
    """Write the parts into the file; their digest. Raises TooLarge."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
        file.write(part)
        if file.tell() > limit:
            raise TooLarge(limit=limit)
    return digest.digest()


def _parts(request: HttpRequest, taken: Taken) -> Iterator[bytes]:
    """The body as it comes; no more of it than it may have, and none where none is read."""
    if request.method not in WITH_BODY:
        return
    length = str(request.META.get("CONTENT_LENGTH", ""))
    if length.isdecimal() and int(length) > taken.limit:
        raise TooLarge(limit=taken.limit)
    source: Any = request
    if request.META.get("wsgi.input_terminated") and not length:
        source = request.META["wsgi.input"]  # in chunks, whose end the server knows
    while part := source.read(READ_AT_ONCE):
        yield part


def _check_type(request: HttpRequest, taken: Taken) -> None:
    media_type, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if media_type.strip().lower() not in taken.media_types or charset not in {"", "charset=utf-8"}:
        given = request.META.get("CONTENT_TYPE") or "No type"
        raise WrongType(given=given[:60], wanted=taken.media_types[0])
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise Encoded(given=encoding[:60])
