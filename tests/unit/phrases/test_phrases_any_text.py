"""Any text at all: it is read as something that is to come, or refused; nothing else, and soon."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.phrases import InvalidPhrase, read_phrase
from events.phrases.tokens import LONGEST_PHRASE
from events.phrases.vocabulary import MONTHS, NUMBERS, OPENERS, ORDINALS, UNITS, VAGUE_TIMES
from tests.unit.phrases.refusals import REFUSED
from tests.unit.phrases.tables import MOMENTS, RANDOM, REPEATED

SENTENCES: list[str] = [str(row[0]) for row in (*MOMENTS, *REPEATED, *RANDOM, *REFUSED)]
FRAGMENTS = sorted(
    {*MONTHS, *NUMBERS, *OPENERS, *ORDINALS, *UNITS, *VAGUE_TIMES}
    | {word for sentence in SENTENCES for word in sentence.split()}
    | {
        "31.12.",
        "9:00",
        "9am",
        "2026-11-22",
        "9999-12-31",
        "0001-01-01",
        "00:00",
        "31st",
        "UTC",
        ";",
        "0",
        "٣",
    }
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
)
NOWS = st.datetimes(datetime(1990, 1, 1), datetime(2110, 1, 1), timezones=st.just(UTC))
CHANGES = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2027, 1, 31, 23, 59, 59, 1, tzinfo=UTC),
    ]
)


def read_or_refused(text: str, now: datetime, timezone: str) -> None:
    """What is read is to come, and reads as the same when it is said back; what is not is refused in a sentence."""
    refused = None
    try:
        phrase = read_phrase(text, now=now, timezone=timezone)
    except InvalidPhrase as error:
        refused = error
    if refused:
        assert refused.field == "phrase"
        assert refused.facts["problem"]
        assert refused.facts["remedy"]
        return
    first = phrase.first(now)
    assert first is not None
    assert first.due_at >= now
    back = phrase.in_words()
    if len(back.partition(";")[0]) <= LONGEST_PHRASE:
        assert read_phrase(back, now=now, timezone=phrase.timezone) == phrase


@given(text=st.text(max_size=300), now=NOWS, timezone=ZONES)
@settings(max_examples=200, deadline=timedelta(seconds=2))
@example(text="İ 9am", now=datetime(2026, 1, 1, tzinfo=UTC), timezone="UTC")
@example(text="\x00", now=datetime(2026, 1, 1, tzinfo=UTC), timezone="UTC")
def test_any_text(text: str, now: datetime, timezone: str) -> None:
    read_or_refused(text, now, timezone)


@given(words=st.lists(st.sampled_from(FRAGMENTS), max_size=9), now=NOWS | CHANGES, timezone=ZONES)
@settings(max_examples=600, deadline=timedelta(seconds=2))
def test_any_words_that_it_knows(words: list[str], now: datetime, timezone: str) -> None:
    read_or_refused(" ".join(words), now, timezone)


@given(one=st.sampled_from(SENTENCES), other=st.sampled_from(SENTENCES), now=NOWS | CHANGES, timezone=ZONES)
@settings(max_examples=300, deadline=timedelta(seconds=2))
def test_any_two_phrases_in_one(one: str, other: str, now: datetime, timezone: str) -> None:
    read_or_refused(one, now, timezone)
    read_or_refused(f"{one} {other}", now, timezone)
