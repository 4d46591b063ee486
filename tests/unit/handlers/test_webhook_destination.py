"""Whom a webhook reaches: its circuit breaker is of this name."""

from __future__ import annotations

import pytest

from events.handling import destination_of
from handlers.webhook.handler import WebhookHandler


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("https://example.com/hook?key=1", "example.com"),
        ("https://EXAMPLE.com:443/other", "example.com"),
        ("https://example.com:8443/hook", "example.com:8443"),
        ("http://example.com/hook", "example.com"),
        ("https://bücher.example/hook", "xn--bcher-kva.example"),
        ("https://[2606:4700::1111]:8443/hook", "[2606:4700::1111]:8443"),
    ],
)
def test_it_is_the_host_and_a_port_that_is_not_the_schemes_own(url: str, destination: str) -> None:
    assert destination_of(WebhookHandler(), {"url": url}) == destination


@pytest.mark.parametrize("payload", [{}, {"url": "ftp://example.com"}, {"url": "https://a:b@example.com"}])
def test_what_could_not_be_called_reaches_nobody(payload: dict[str, str]) -> None:
    assert destination_of(WebhookHandler(), payload) == ""
