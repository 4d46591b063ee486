"""Versions of what is changed: If-Match before, ETag after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from events.api.problems import ApiError

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

STRONG = re.compile(r'"([1-9][0-9]{0,8})"', re.ASCII)


class VersionNeeded(ApiError):
    """Send the version that you saw in the header If-Match, such as "3": it is the ETag of the last answer."""

    slug = "version-needed"


class NoVersion(ApiError):
    """If-Match: {given} is not a version. Send the ETag of the last answer unchanged: one, in quotes, such as "3"."""

    slug = "stale"


class Exists(ApiError):
    """It exists, and If-None-Match: * asks that it does not. Send If-Match with its ETag to change it."""

    slug = "stale"


def seen_version(request: HttpRequest) -> int:
    """The version that the client saw. Raises VersionNeeded, NoVersion."""
    given = request.headers.get("If-Match")
    if given is None:
        raise VersionNeeded
    match = STRONG.fullmatch(given.strip())
    if match is None:
        raise NoVersion(given=given[:60])
    return int(match[1])


def version_to_put(request: HttpRequest, *, exists: bool) -> int | None:
    """The same for a PUT, None for one that creates. Raises Exists where it must not exist and does."""
    if request.headers.get("If-None-Match", "").strip() == "*":
        if exists:
            raise Exists
        return None
    if exists:
        return seen_version(request)
    if "If-Match" in request.headers:
        raise NotThere(given=request.headers["If-Match"][:60])
    return None


class NotThere(ApiError):
    """If-Match: {given} asks for what exists, and it does not. Leave If-Match out to create it."""

    slug = "stale"


def put_version(response: HttpResponse, version: int) -> None:
    """Tell the client the version that it was shown."""
    response["ETag"] = f'"{version}"'
