"""What was read, said back: a sentence that reads as the same again."""

import pytest

from tests.unit.phrases.said import said
from tests.unit.phrases.tables import MOMENTS, RANDOM, REPEATED

TABLE = [row[0] for row in (*MOMENTS, *REPEATED, *RANDOM)]
SAID_BACK = {
    "tomorrow 9am": "once, on 2026-11-23 at 09:00 in Europe/Berlin; in the spring gap at 10:00",
    "in 20 minutes": "once, on 2026-11-22 at 09:10 UTC",
    "every weekday at 9am": (
        "every weekday at 09:00 in Europe/Berlin, starting 2026-11-23; in the spring gap at 10:00"
    ),
    "every other tuesday at 9 until 2027-03-01": (
        "every 2 weeks on Tuesday at 09:00 in Europe/Berlin, counted from 2026-11-24, until 2027-03-01; "
        "in the spring gap at 10:00"
    ),
    "every third monday of the month at 9": (
        "every third Monday of the month at 09:00 in Europe/Berlin, starting 2026-12-21; in the spring gap at 10:00"
    ),
    "monthly on the 31st at 9": (
        "every month on the 31st at 09:00 in Europe/Berlin, starting 2026-12-31; "
        "where a month lacks the day, not at all; in the spring gap at 10:00"
    ),
    "every 30 minutes": "every 30 minutes, counted from 2026-11-22 09:20 UTC",
    "every 2 hours starting at 9": "every 2 hours, counted from 2026-11-23 09:00 in Europe/Berlin",
    "within 3 days": "at a random moment between 2026-11-22 09:50 and 2026-11-25 09:50 in Europe/Berlin",
    "within an hour": "at a random moment between 2026-11-22 08:50 UTC and 2026-11-22 09:50 UTC",
    "once each working day between 9 and 17": (
        "every weekday at a random moment between 09:00 and 17:00 in Europe/Berlin, starting 2026-11-23"
    ),
    "3 times a day between 9 and 17, at least 90 minutes apart": (
        "every day at 3 random moments between 09:00 and 17:00, at least 90 minutes apart, in Europe/Berlin, "
        "starting 2026-11-23"
    ),
    "3 times within 10 days, at least 2 days apart": (
        "at 3 random moments between 2026-11-22 09:50 and 2026-12-02 09:50, at least 2 days apart, in Europe/Berlin"
    ),
    "every 31st between 9 and 17": (
        "every month on the 31st at a random moment between 09:00 and 17:00 in Europe/Berlin, starting 2026-12-31; "
        "where a month lacks the day, not at all"
    ),
}


@pytest.mark.parametrize(("text", "sentence"), SAID_BACK.items())
def test_a_phrase_is_said_back(text: str, sentence: str) -> None:
    assert said(text).in_words() == sentence


@pytest.mark.parametrize("text", [*TABLE, *SAID_BACK])
def test_what_is_said_back_reads_as_the_same(text: str) -> None:
    phrase = said(text)
    assert said(phrase.in_words()) == phrase


@pytest.mark.parametrize(
    "text", ["every weekday at 9am", "within 3 days", "every month on the 31st at 9", "at 7"]
)
def test_it_reads_as_the_same_elsewhere_too(text: str) -> None:
    phrase = said(text)
    assert said(phrase.in_words(), timezone="Pacific/Kiritimati") == phrase
