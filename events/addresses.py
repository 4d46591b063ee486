"""From where a request comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """From where a call comes, as the outermost of our own proxies says, where there are any."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    proxies: int = settings.PUNCTUAL_TRUSTED_PROXIES
    if 0 < proxies <= len(hops):
        return hops[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
