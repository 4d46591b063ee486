"""Where webhooks may go: nobody's URL makes us call something inside our own network."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, SOCK_STREAM, AddressFamily, getaddrinfo, inet_aton
from threading import Thread
from typing import Any

from django.conf import settings

from events.errors import PunctualError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Endpoint = tuple[AddressFamily, Any]

# From IANA's registries of special-purpose addresses, and the clouds' metadata services. Written out, because
# the answers of ipaddress.is_global differ between the Python versions that we run on.
REFUSED: dict[str, tuple[str, ...]] = {
    "this host": ("0.0.0.0/8", "::/128"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "a cloud's metadata service": (
        "169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32",
    ),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "carrier-grade NAT": ("100.64.0.0/10",),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "for documentation": (
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20",
    ),
    "for benchmarks": ("198.18.0.0/15",),
    "a tunnel": ("192.88.99.0/24", "2002::/16", "2001::/32"),
    "reserved": ("192.0.0.0/24", "240.0.0.0/4", "2001::/23"),
}  # fmt: skip
GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
# The well-known NAT64 prefix (RFC 6052) leads to the IPv4 address in its last 32 bits.
NAT64 = IPv6Network("64:ff9b::/96")


class TargetRefused(PunctualError):
    """{host} is at {address}, which is {what}, and webhooks do not go there.
    If they should, add its network to PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS.
    """


class NotANetwork(PunctualError):
    """PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS: {value!r} is not a network. Write 127.0.0.0/8 or fd00::/8."""


def endpoints(host: str, port: int, seconds: float) -> list[Endpoint]:
    """Return where to connect to: `host` resolved once, and every one of its addresses checked.

    Raises TargetRefused if any address is refused, OSError (TimeoutError after `seconds`) if there is none.
    """
    answers = _lookup(host, port, seconds)
    for _, _, _, _, sockaddr in answers:
        check(host, ip_address(sockaddr[0]))
    return [(family, sockaddr) for family, _, _, _, sockaddr in answers]


def literal(host: str) -> Address | None:
    """Return the address that `host` spells, in any spelling that resolvers accept; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        try:
            return ip_address(inet_aton(host))  # 127.1, 0x7f000001, 2130706433
        except OSError:
            return None


def check(host: str, address: Address) -> None:
    """Raise TargetRefused unless webhooks may go to this address of `host`."""
    inner = _embedded(address)
    what = _what(inner)
    if what and not any(each in network for each in (address, inner) for network in allowed_networks()):
        raise TargetRefused(host=host, address=address, what=what)


def allowed_networks() -> tuple[Network, ...]:
    """The networks that the operator allows although they are refused by default; raises NotANetwork."""
    return _parsed(tuple(settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS))


@cache
def _parsed(values: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(_network(value) for value in values)


def _network(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError:
        raise NotANetwork(value=value) from None


@cache
def _refused_networks() -> tuple[tuple[str, Network], ...]:
    return tuple((what, ip_network(text)) for what, texts in REFUSED.items() for text in texts)


def _what(address: Address) -> str | None:
    for what, network in _refused_networks():
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST_6:
        return "not global"
    return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that packets to this IPv6 address reach, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _lookup(host: str, port: int, seconds: float) -> list[Any]:
    """Resolve in a thread: the resolver knows no timeout, and a slow name must not delay other calls."""
    answer: Future[list[Any]] = Future()
    Thread(target=_resolve, args=(answer, host, port), name="webhook-resolver", daemon=True).start()
    found = answer.result(timeout=seconds)
    return [each for each in found if each[0] in (AF_INET, AF_INET6)]


def _resolve(answer: Future[list[Any]], host: str, port: int) -> None:
    try:
        # Bytes, because Python runs its own IDNA codec over text.
        answer.set_result(getaddrinfo(host.encode("ascii"), port, type=SOCK_STREAM))
    except OSError as problem:
        answer.set_exception(problem)
