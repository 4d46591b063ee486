"""Parts of all entities, or of all rules, so that several processes can share the work without meeting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.db.models import F, Model
from django.db.models.lookups import Exact

from events.errors import PunctualError

if TYPE_CHECKING:
    from django.db.models import QuerySet

Rows = TypeVar("Rows", bound=Model)

MOST = 1024


class NoShard(PunctualError):
    """--shard: {given!r} is no shard. Use I/N with 1 <= I <= N <= {most}, such as 1/4 for the first of four."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`th of `of` parts, from 1: whatever id leaves the remainder `number` - 1 when divided by `of`.

    A remainder, and none of PostgreSQL's hash functions: those may change with its releases.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def among(self, rows: QuerySet[Rows], id_field: str) -> QuerySet[Rows]:
        """Those of the rows whose id in this field is in the shard."""
        if self.of == 1:
            return rows
        return rows.filter(Exact(F(id_field) % self.of, self.number - 1))

    def part_of(self, rows: int) -> int:
        """This shard's part of what all share, at least one row of any."""
        return -(-rows // self.of)

    @property
    def parameters(self) -> dict[str, int]:
        """What `in_shard` asks for."""
        return {"shards": self.of, "remainder": self.number - 1}


WHOLE = Shard(1, 1)


def in_shard(id_column: str) -> str:
    """The same as a condition in SQL; of the whole it is none, since PostgreSQL drops what is always true."""
    return f"(%(shards)s = 1 OR mod({id_column}, %(shards)s) = %(remainder)s)"


def read_shard(text: str) -> Shard:
    """The shard that a text names, such as "1/4"; raises NoShard."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.number <= shard.of <= MOST:
        raise NoShard(given=text, most=MOST)
    return shard
