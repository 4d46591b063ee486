"""What was measured, as numbers: medians, spreads, quantiles, and how they are written."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table: what was measured, in which unit, and the value of each run."""

    what: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of all runs."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """Of all runs."""
        return min(self.values)

    @property
    def most(self) -> float:
        """Of all runs."""
        return max(self.values)

    def as_json(self) -> dict[str, Any]:
        """The line, with the values that it was made of."""
        spread = {"median": self.median, "min": self.least, "max": self.most}
        return {"what": self.what, "unit": self.unit, **spread, "values": list(self.values)}


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of text."""

    headings: Sequence[str]
    rows: list[list[str]]


@dataclass(slots=True)
class Measured:
    """What a part found. `notes` are sentences for the reader; `wrong` are broken promises, which fail the run.

    `table` is shown in place of a table of the figures, where one line a figure would be hard to read.
    """

    figures: list[Figure] = field(default_factory=list)
    table: Table | None = None
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, unit: str, values: Sequence[float]) -> None:
        """One more line, of a value for each run."""
        self.figures.append(Figure(what, unit, tuple(values)))

    def shown(self) -> Table:
        """What a reader is shown: median, least and most of each line."""
        if self.table:
            return self.table
        lines = [
            [each.what, *(written(value) for value in (each.median, each.least, each.most)), each.unit]
            for each in self.figures
        ]
        return Table(("measured", "median", "min", "max", "unit"), lines)

    def as_json(self) -> dict[str, Any]:
        """All but the table, which says the same."""
        return {
            "figures": [figure.as_json() for figure in self.figures],
            "notes": self.notes,
            "wrong": self.wrong,
        }


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the (sorted) values does not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]


def ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """Run by run, how many times theirs ours is."""
    return [one / other for one, other in zip(ours, others, strict=True)]


def written(value: float) -> str:
    """With as many digits as tell anything: 12,345 and 123 and 12.3 and 1.23 and 0.123."""
    size = abs(value)
    digits = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def spread_written(values: Sequence[float]) -> str:
    """The median; and the least and the most, if there are several."""
    median = written(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({written(min(values))} to {written(max(values))})"
