"""Lists page by page: each goes on behind the last row of the one before, whatever was written meanwhile."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.core import signing
from django.db.models import Model, Q
from ninja import Field, Schema

from events.errors import InvalidField
from events.operations.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
USUAL, MOST = 50, 200
SIGNER = signing.Signer(salt="events.api.pages")
LONGEST = 2_000


class Paging(Schema):
    """The query of every list."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="So many rows at most.")
    cursor: str | None = Field(None, max_length=LONGEST, description="`next` of the page before.")


def page_of(
    request: HttpRequest, rows: QuerySet[Row], paging: Paging, *, by: Sequence[str]
) -> tuple[list[Row], str | None]:
    """One page of rows, and the cursor of the next, or None.

    `by` are columns or annotations that together are unique and never null, with - for falling ones, as for
    order_by. A cursor belongs to the account, the address and the filters of its page. Raises Refusal (cursor).
    """
    of = _what_is_listed(request)
    if paging.cursor is not None:
        rows = rows.filter(_behind(by, _places(paging.cursor, of, len(by))))
    found = list(_first(rows, by, paging.limit + 1))
    page = found[: paging.limit]
    more = len(found) > paging.limit
    return page, _cursor(page[-1], by, of) if more else None


def _first(rows: QuerySet[Row], by: Sequence[str], count: int) -> QuerySet[Row]:
    """The first rows of an order. Where others go with each, they are looked up for these alone, not for all."""
    if not rows.query.select_related:
        return rows.order_by(*by)[:count]
    first = rows.order_by(*by).values("pk")[:count]
    return rows.filter(pk__in=first).order_by(*by)


def _what_is_listed(request: HttpRequest) -> str:
    chosen = sorted((name, values) for name, values in request.GET.lists() if name not in {"limit", "cursor"})
    account = getattr(request, "caller", None)
    told = repr((account and account.owner_id, request.path, chosen))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _behind(by: Sequence[str], places: Sequence[Any]) -> Q:
    """What comes after a row in the order: of the first column that differs, it is beyond."""
    name, place = by[0].lstrip("-"), places[0]
    beyond = Q(**{f"{name}__{'lt' if by[0].startswith('-') else 'gt'}": place})
    return beyond | (Q(**{name: place}) & _behind(by[1:], places[1:])) if by[1:] else beyond


def _cursor(row: Model, by: Sequence[str], of: str) -> str:
    places = [getattr(row, name.lstrip("-")) for name in by]
    return SIGNER.sign_object({"at": [_plain(place) for place in places], "of": of})


def _plain(place: Any) -> Any:
    return {"instant": place.isoformat()} if isinstance(place, datetime) else place


def _places(cursor: str, of: str, count: int) -> list[Any]:
    try:
        known = SIGNER.unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise _refused("it is not one of ours") from error
    if known["of"] != of or len(known["at"]) != count:
        raise _refused("it belongs to a list with other filters")
    return [datetime.fromisoformat(at["instant"]) if isinstance(at, dict) else at for at in known["at"]]


def _refused(problem: str) -> InvalidField:
    remedy = "Send `next` of the page before unchanged, with the same filters, or begin without a cursor."
    return Refusal(field="cursor", problem=problem, remedy=remedy)
