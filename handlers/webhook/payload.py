"""What a rule says about its webhook: read, checked, and refused by field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from events.handling import InvalidPayload
from handlers.webhook.targets import TargetRefused, check, literal

KEYS = ("url", "headers", "body", "data")
MAX_BYTES = 64 * 1024
MAX_URL = 2048
RESERVED_HEADERS = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "idempotency-key", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "x-correlation-id",
})  # fmt: skip
HOST = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2
HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """A checked payload. `body` is None where the default body is wanted, with `data` in it."""

    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes | None
    data: Any


def parse(payload: Mapping[str, Any]) -> Call:
    """Return the call that a payload describes; raises InvalidPayload, naming the field."""
    _check_keys(payload)
    _check_size(payload)
    return Call(
        url=_url(payload.get("url")),
        headers=_headers(payload.get("headers", {})),
        body=json.dumps(payload["body"]).encode() if "body" in payload else None,
        data=payload.get("data"),
    )


def _check_keys(payload: Mapping[str, Any]) -> None:
    for key in payload:
        if key not in KEYS:
            raise _invalid(f"payload.{key}", "webhooks know no such key", f"Use {', '.join(KEYS)}.")
    if "body" in payload and "data" in payload:
        raise _invalid(
            "payload.data", "it has no place beside payload.body", "Put it into payload.body, or remove that."
        )


def _check_size(payload: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(dict(payload), allow_nan=False))
    except (TypeError, ValueError) as problem:
        raise _invalid("payload", f"it is not JSON ({problem})", "Use JSON values alone.") from None
    if size > MAX_BYTES:
        raise _invalid(
            "payload",
            f"it has {size} bytes, and at most {MAX_BYTES} are allowed",
            "Send a reference to the data.",
        )


def _url(text: object) -> httpx2.URL:
    if not isinstance(text, str) or not text:
        raise _invalid_url("the address to call is missing", "Write it as https://example.com/hook.")
    if len(text) > MAX_URL:
        raise _invalid_url(f"it is longer than {MAX_URL} characters", "Shorten it.")
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as problem:
        raise _invalid_url(
            f"it is not an address ({problem})", "Write it as https://example.com/hook."
        ) from None
    _check_parts(url)
    _check_literal(url)
    return url


def _check_parts(url: httpx2.URL) -> None:
    host = url.raw_host.decode("ascii")
    if url.scheme not in {"http", "https"}:
        raise _invalid_url(
            f"the scheme {url.scheme!r} is not for webhooks", "Begin it with https:// or http://."
        )
    if url.userinfo:
        raise _invalid_url("it carries credentials", "Put them into a header, such as Authorization.")
    if not (HOST.fullmatch(host) or literal(host)):
        raise _invalid_url(f"{host!r} is not a host", "Write it as https://example.com/hook.")
    if url.port is not None and not 0 < url.port < 65536:
        raise _invalid_url(f"{url.port} is not a port", "Use one from 1 to 65535, or none.")


def _check_literal(url: httpx2.URL) -> None:
    """Refuse at once what would be refused at every call. Names are resolved, and checked, at the call."""
    address = literal(url.raw_host.decode("ascii"))
    if address is None:
        return
    try:
        check(url.host, address)
    except TargetRefused as refusal:
        facts = refusal.facts
        raise _invalid_url(
            f"{facts['address']} is {facts['what']}, and webhooks do not go there",
            "Use a public address, or have an operator add its network to PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS.",
        ) from None


def _headers(headers: object) -> Mapping[str, str]:
    if not isinstance(headers, Mapping):
        raise _invalid("payload.headers", "it is not an object", 'Write it as {"Authorization": "Bearer …"}.')
    seen: set[str] = set()
    for name, value in headers.items():
        _check_header(name, value)
        if name.lower() in seen:
            raise _invalid(
                f"payload.headers.{name}", "it is given twice", "Keep one; case makes no difference."
            )
        seen.add(name.lower())
    return headers


def _check_header(name: str, value: object) -> None:
    field = f"payload.headers.{name}"
    if not HEADER_NAME.fullmatch(name):
        raise _invalid(
            f"payload.headers.{name!r}", "it is not a header's name", "Use letters, digits and hyphens."
        )
    if name.lower() in RESERVED_HEADERS or name.lower().startswith("proxy-"):
        raise _invalid(field, "this header is set by Punctual or by the connection", "Choose another name.")
    if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
        raise _invalid(
            field,
            "its value is not one line of printable ASCII text",
            "Use a string without line breaks, other control characters, or space around it.",
        )


def _invalid_url(problem: str, remedy: str) -> InvalidPayload:
    return _invalid("payload.url", problem, remedy)


def _invalid(field: str, problem: str, remedy: str) -> InvalidPayload:
    return InvalidPayload(field=field, problem=problem, remedy=remedy)
