"""Payloads are refused when the rule is written: the field, what is wrong, and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from events.handling import InvalidPayload
from handlers.webhook.handler import WebhookHandler

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

HOOK = "https://example.com/hook"


@pytest.mark.parametrize(
    "payload",
    [
        {"url": HOOK},
        {"url": "http://example.com:8080/hook?a=b&c=ü"},
        {"url": "https://münchen.example/"},
        {"url": "https://93.184.215.14/"},
        {"url": "https://[2606:2800:21f:cb07::1]:8443/"},
        {"url": "https://under_score.example.com./"},
        {"url": HOOK, "headers": {}},
        {"url": HOOK, "headers": {"Authorization": "Bearer abc.def", "X-A": "a b  c"}},
        {"url": HOOK, "body": None},
        {"url": HOOK, "body": {"deep": [{"er": 1.5}]}},
        {"url": HOOK, "data": "x" * 65000},
    ],
)
def test_what_can_succeed_is_valid(payload: dict[str, Any]) -> None:
    WebhookHandler().validate(payload)


@pytest.mark.parametrize(
    ("payload", "field", "words"),
    [
        ({}, "payload.url", "missing"),
        ({"url": ""}, "payload.url", "missing"),
        ({"url": 5}, "payload.url", "missing"),
        ({"url": "example.com/hook"}, "payload.url", "scheme"),
        ({"url": "ftp://example.com/"}, "payload.url", "'ftp'"),
        ({"url": "file:///etc/passwd"}, "payload.url", "'file'"),
        ({"url": "https:///hook"}, "payload.url", "not a host"),
        ({"url": "https://user:secret@example.com/"}, "payload.url", "Authorization"),
        ({"url": "https://example.com\\@127.0.0.1/"}, "payload.url", "credentials"),
        ({"url": "https://exa mple.com/"}, "payload.url", "not a host"),
        ({"url": "https://a..example.com/"}, "payload.url", "not a host"),
        ({"url": f"https://{'a' * 64}.com/"}, "payload.url", "not a host"),
        ({"url": f"https://{'abc.' * 64}com/"}, "payload.url", "not a host"),
        ({"url": "https://example.com\r\nX-Evil: 1/"}, "payload.url", "not an address"),
        ({"url": "https://example.com:99999/"}, "payload.url", "99999"),
        ({"url": "https://example.com:0/"}, "payload.url", "not a port"),
        ({"url": f"{HOOK}?{'q' * 2048}"}, "payload.url", "2048"),
        ({"url": "http://127.0.0.1/"}, "payload.url", "loopback"),
        ({"url": "http://127.1/"}, "payload.url", "loopback"),
        ({"url": "http://0x7f000001/"}, "payload.url", "loopback"),
        ({"url": "http://2130706433/"}, "payload.url", "loopback"),
        ({"url": "http://10.1.2.3/"}, "payload.url", "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "payload.url", "metadata"),
        ({"url": "http://[::1]/"}, "payload.url", "loopback"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "payload.url", "private"),
        ({"url": "http://[fe80::1%25eth0]/"}, "payload.url", "link-local"),
        ({"url": HOOK, "method": "GET"}, "payload.method", "url, headers, body, data"),
        ({"url": HOOK, "body": 1, "data": 2}, "payload.data", "payload.body"),
        ({"url": HOOK, "data": "x" * 66000}, "payload", "65536"),
        ({"url": HOOK, "data": float("nan")}, "payload", "not JSON"),
        ({"url": HOOK, "data": {1, 2}}, "payload", "not JSON"),
        ({"url": HOOK, "headers": ["X-A: 1"]}, "payload.headers", "not an object"),
        ({"url": HOOK, "headers": {"X-A": 1}}, "payload.headers.X-A", "printable"),
        ({"url": HOOK, "headers": {"X-A": "1\r\nX-Evil: 1"}}, "payload.headers.X-A", "line breaks"),
        ({"url": HOOK, "headers": {"X-A": "1\n"}}, "payload.headers.X-A", "line breaks"),
        ({"url": HOOK, "headers": {"X-A": " 1"}}, "payload.headers.X-A", "space around"),
        ({"url": HOOK, "headers": {"X-A": "ü"}}, "payload.headers.X-A", "ASCII"),
        ({"url": HOOK, "headers": {"X A": "1"}}, "payload.headers.'X A'", "not a header's name"),
        ({"url": HOOK, "headers": {"X-A:\n": "1"}}, "payload.headers.'X-A:\\n'", "not a header's name"),
        ({"url": HOOK, "headers": {"X-A": "1", "x-a": "2"}}, "payload.headers.x-a", "twice"),
        ({"url": HOOK, "headers": {"x-a": "1", "X-A": "2"}}, "payload.headers.X-A", "twice"),
        ({"url": HOOK, "headers": {"Host": "evil"}}, "payload.headers.Host", "set by Punctual"),
        ({"url": HOOK, "headers": {"IDEMPOTENCY-KEY": "1"}}, "payload.headers.IDEMPOTENCY-KEY", "set by"),
        (
            {"url": HOOK, "headers": {"Transfer-Encoding": "chunked"}},
            "payload.headers.Transfer-Encoding",
            "set by",
        ),
        (
            {"url": HOOK, "headers": {"Proxy-Authorization": "x"}},
            "payload.headers.Proxy-Authorization",
            "set by",
        ),
    ],
)
def test_what_cannot_succeed_is_refused_by_field(payload: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        WebhookHandler().validate(payload)
    assert refusal.value.field == field
    assert words in str(refusal.value)


def test_a_literal_address_of_an_allowed_network_is_valid(settings: Settings) -> None:
    settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.0/8", "fd12::/16"]
    WebhookHandler().validate({"url": "http://10.1.2.3/"})
    WebhookHandler().validate({"url": "http://[fd12::1]/"})
    with pytest.raises(InvalidPayload):
        WebhookHandler().validate({"url": "http://192.168.0.1/"})
