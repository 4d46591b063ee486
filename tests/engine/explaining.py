"""The plans of the statements that the real code runs: each is explained, by its own text, just before it runs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Partitions are called after the table whose parts they are.
LARGE = ("events_occurrence", "events_attempt", "events_transition")
EXPLAINABLE = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")

READ_IN_THIS_TRANSACTION = """
SELECT COALESCE(sum(seq_tup_read), 0), COALESCE(sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0)
FROM pg_stat_xact_user_tables WHERE relname LIKE ANY(%s)
"""


@dataclass(slots=True)
class Watched:
    """What ran: the statements with their plans, and how many rows of the large tables they read."""

    plans: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    walked_rows: int = 0
    read_rows: int = 0

    @property
    def walks(self) -> list[str]:
        """The statements that would read a large table from end to end."""
        return [
            f"{node['Relation Name']}: {' '.join(statement.split())}"
            for statement, plan in self.plans
            for node in _nodes(plan)
            if node["Node Type"] == "Seq Scan"
            and node["Relation Name"].startswith(LARGE)
            and _has_pages(node["Relation Name"])  # a month without any is no walk
        ]

    @property
    def indexes(self) -> set[str]:
        """The indexes that are used."""
        return {node["Index Name"] for _, plan in self.plans for node in _nodes(plan) if "Index Name" in node}


@contextmanager
def watched() -> Iterator[Watched]:
    """Explain whatever this connection runs meanwhile, with the parameters with which it is run."""
    seen = Watched()

    def explain_first(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).lstrip().upper().startswith(EXPLAINABLE) and not many:
            with connection.connection.cursor() as cursor:  # psycopg's own, past this wrapper
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                (told,) = cursor.fetchone()
            (explained,) = json.loads(told) if isinstance(told, str) else told
            seen.plans.append((str(sql), explained["Plan"]))
        return execute(sql, params, many, context)

    walked, read = _read_so_far()
    with connection.execute_wrapper(explain_first):
        yield seen
    walked_by_now, read_by_now = _read_so_far()
    seen.walked_rows, seen.read_rows = walked_by_now - walked, read_by_now - read


def _has_pages(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s::regclass) > 0", [table])
        (has_any,) = cursor.fetchone()
    return bool(has_any)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _read_so_far() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(READ_IN_THIS_TRANSACTION, [[f"{name}%" for name in LARGE]])
        walked, read = cursor.fetchone()
    return int(walked), int(read)
