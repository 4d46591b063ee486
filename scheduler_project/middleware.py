"""What the web process does beside answering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events import skew

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


def compare_clocks(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Measures, once a minute at most, how far this process's clock is from the database's."""

    def respond(request: HttpRequest) -> HttpResponse:
        skew.measure_now_and_then("web")
        return get_response(request)

    return respond
