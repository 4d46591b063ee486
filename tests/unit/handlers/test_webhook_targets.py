"""The guard: which addresses webhooks may go to, and that the address checked is the address called."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from events.handling import Completed, Reject, Retry
from handlers.webhook import targets
from handlers.webhook.client import client
from handlers.webhook.handler import WebhookHandler
from handlers.webhook.targets import NotANetwork, TargetRefused, check
from tests.unit.handlers.conftest import calls_of

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.receiver import Receiver
    from tests.unit.handlers.conftest import Call

REFUSED = [
    ("0.0.0.0", "this host"),
    ("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"),
    ("10.0.0.1", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"),
    ("192.168.1.1", "private"), ("169.254.0.1", "link-local"), ("169.254.169.254", "metadata"),
    ("100.100.100.200", "metadata"), ("168.63.129.16", "metadata"), ("100.64.0.1", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"), ("192.0.0.1", "reserved"), ("192.0.2.1", "documentation"),
    ("198.51.100.1", "documentation"), ("203.0.113.1", "documentation"), ("198.18.0.1", "benchmarks"),
    ("198.19.255.255", "benchmarks"), ("192.88.99.1", "tunnel"), ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"), ("240.0.0.1", "reserved"), ("255.255.255.255", "reserved"),
    ("::", "this host"), ("::1", "loopback"), ("fe80::1", "link-local"), ("fe80::1%eth0", "link-local"),
    ("fc00::1", "private"), ("fd00::1", "private"), ("fec0::1", "private"),
    ("fd00:ec2::254", "metadata"), ("ff02::1", "multicast"), ("2001:db8::1", "documentation"),
    ("3fff::1", "documentation"), ("2002:7f00:1::", "tunnel"), ("2001::1", "tunnel"),
    ("2001:10::1", "reserved"), ("100::1", "not global"), ("4000::1", "not global"),
    ("::7f00:1", "not global"), ("::ffff:0:7f00:1", "not global"), ("64:ff9b:1::7f00:1", "not global"),
    ("::ffff:127.0.0.1", "loopback"), ("::ffff:10.0.0.1", "private"),
    ("::ffff:169.254.169.254", "metadata"), ("64:ff9b::127.0.0.1", "loopback"),
    ("64:ff9b::a9fe:a9fe", "metadata"), ("64:ff9b::c0a8:1", "private"),
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255",
    "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.167.255.255", "198.17.255.255",
    "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]  # fmt: skip


class Resolver:
    """Answers name lookups with the next of its answers, the last one for ever, and counts them."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.lookups = 0

    def __call__(self, host: bytes, port: int, type: int) -> list[Any]:  # noqa: A002 - getaddrinfo's signature
        assert host == b"receiver.test"
        self.lookups += 1
        found = self.answers[min(self.lookups, len(self.answers)) - 1]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [(families[ip_address(each).version], type, 6, "", (each, port)) for each in found]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Say what the name receiver.test resolves to, lookup by lookup."""

    def resolve(*answers: list[str]) -> Resolver:
        resolver = Resolver(*answers)
        monkeypatch.setattr(targets, "getaddrinfo", resolver)
        return resolver

    return resolve


@pytest.fixture
def hook(receiver: Receiver) -> str:
    """An address on the receiver, by name."""
    return f"http://receiver.test:{receiver.port}/ok"


@pytest.mark.parametrize(("address", "what"), REFUSED)
def test_an_address_that_is_not_public_is_refused_and_named(address: str, what: str) -> None:
    with pytest.raises(TargetRefused) as refusal:
        check("example.com", ip_address(address))
    assert what in str(refusal.value)
    assert "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS" in str(refusal.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    check("example.com", ip_address(address))


@pytest.mark.parametrize("address", ["10.9.8.7", "::ffff:10.9.8.7", "64:ff9b::10.9.8.7", "fd12::1"])
def test_the_setting_allows_a_network_however_it_is_reached(settings: Settings, address: str) -> None:
    settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.0/8", "fd12::/16"]
    check("example.com", ip_address(address))


@pytest.mark.parametrize("value", ["everything", "10.0.0.1/8", "10.0.0.0/99", ""])
def test_a_setting_that_is_no_network_is_loud_when_the_handler_is_installed(
    settings: Settings, value: str
) -> None:
    settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = [value]
    with pytest.raises(NotANetwork, match="PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS"):
        WebhookHandler()


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("answers", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["1.1.1.1", "::1"]])
def test_a_name_with_any_refused_address_is_rejected_before_anything_is_sent(
    receiver: Receiver, call: Call, resolve: Any, hook: str, answers: list[str]
) -> None:
    resolve(answers)
    attempt, outcome = call(hook)
    assert isinstance(outcome, Reject)
    assert outcome.why.startswith(f"receiver.test is at {answers[-1]}, which is loopback")
    assert calls_of(receiver, attempt) == []


@pytest.mark.usefixtures("loopback_allowed")
def test_a_name_that_changes_its_answer_after_the_check_gains_nothing(
    receiver: Receiver, call: Call, resolve: Any, hook: str
) -> None:
    resolver = resolve(["127.0.0.1"], ["10.0.0.1"])
    attempt, outcome = call(hook)
    assert isinstance(outcome, Completed)
    assert resolver.lookups == 1
    [received] = calls_of(receiver, attempt)
    assert received["headers"]["host"] == f"receiver.test:{receiver.port}"


@pytest.mark.usefixtures("loopback_allowed")
def test_a_new_connection_is_checked_anew(receiver: Receiver, call: Call, resolve: Any, hook: str) -> None:
    resolve(["127.0.0.1"], ["10.0.0.1"])
    call(hook)
    client().close()
    attempt, outcome = call(hook)
    assert isinstance(outcome, Reject)
    assert "10.0.0.1, which is private" in outcome.why
    assert calls_of(receiver, attempt) == []


@pytest.mark.usefixtures("loopback_allowed")
def test_the_next_address_is_tried_where_one_does_not_listen(
    receiver: Receiver, call: Call, resolve: Any, hook: str
) -> None:
    resolve(["127.0.0.2", "127.0.0.1"])
    attempt, outcome = call(hook)
    assert isinstance(outcome, Completed)
    assert len(calls_of(receiver, attempt)) == 1


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems refuse where Linux leaves a full queue waiting"
)
def test_the_next_address_is_tried_where_one_says_nothing(
    receiver: Receiver, call: Call, resolve: Any, hook: str
) -> None:
    resolve(["127.0.0.3", "127.0.0.1"])
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.3", receiver.port), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        attempt, outcome = call(hook, within=2)
    assert isinstance(outcome, Completed)
    assert len(calls_of(receiver, attempt)) == 1


@pytest.mark.parametrize("answer", ["unknown", "nothing"])
def test_a_name_without_an_address_is_tried_again(
    call: Call, resolve: Any, hook: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    resolve([])
    if answer == "nothing":
        monkeypatch.setattr(targets, "getaddrinfo", lambda *_args, **_options: [])
    _, outcome = call(hook)
    assert isinstance(outcome, Retry)
    assert "name" in outcome.reason.lower()


def test_a_name_server_that_does_not_answer_is_tried_again(
    call: Call, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Event()

    def never(*_args: Any, **_options: Any) -> list[Any]:
        answered.wait(20)
        return []

    monkeypatch.setattr(targets, "getaddrinfo", never)
    _, outcome = call(hook, within=0.2)
    answered.set()
    assert outcome == Retry("receiver.test gave no answer: it took longer than 0.2 s.")
