"""Dates in digits and in German, and what is not believed of them."""

import subprocess
import sys

import pytest

from events.phrases.other_dates import read_date

READ = [
    ("24. Dezember", (None, 12, 24)),
    ("24. Dezember 2026", (2026, 12, 24)),
    ("24. Dez", (None, 12, 24)),
    ("29. Februar", (None, 2, 29)),
    ("1. März", (None, 3, 1)),
    ("Dezember 24, 2026", None),
    ("24.12.2026", (2026, 12, 24)),
    ("24.12.", (None, 12, 24)),
    ("24/12/2026", (2026, 12, 24)),
    ("12/24/2026", (2026, 12, 24)),
    ("2026/12/24", (2026, 12, 24)),
    ("24-Dec-2026", (2026, 12, 24)),
    ("11/11/2027", (2027, 11, 11)),
]
# Each of them means something to dateparser; to us it is a guess.
NOT_BELIEVED = [
    "03/04",
    "3.4.2027",
    "24.12.26",
    "24 december 25",
    "24. Dezember 18",
    "10 10 10",
    "12",
    "mai",
    "Januar 2026",
    "2026",
    "24 dez dez",
    "24 dez EST",
    "heute 24 dez",
    "Freitag 13.",
    "30. Februar",
    "31.11.2026",
    "1700000000",
    "20261224",
    "24. Dezember 18:00",
    "vor 3 Tagen",
    "24 " * 20,
    "1 2 3 4 5 6 7",
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_date_is_read(text: str, expected: tuple[int | None, int, int] | None) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize("text", NOT_BELIEVED)
def test_a_guess_is_not_believed(text: str) -> None:
    assert read_date(text) is None


def test_the_library_that_reads_them_is_imported_for_them_alone() -> None:
    program = """
import sys
from datetime import UTC, datetime
from events.phrases import InvalidPhrase, read_phrase
for text in ("every weekday at 9am", "24 december 18:00", "some nonsense", "within 3 days"):
    try:
        read_phrase(text, now=datetime(2026, 11, 22, tzinfo=UTC), timezone="Europe/Berlin")
    except InvalidPhrase:
        pass
print("dateparser" in sys.modules)
read_phrase("24.12.2026 18:00", now=datetime(2026, 11, 22, tzinfo=UTC), timezone="Europe/Berlin")
print("dateparser" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]
