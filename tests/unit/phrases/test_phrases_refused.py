"""Phrases that are refused, in a sentence that says what was wrong and what would be right."""

import pytest

from events.phrases import InvalidPhrase
from tests.unit.phrases.refusals import REFUSED
from tests.unit.phrases.said import said


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_a_phrase_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidPhrase) as refused:
        said(text)
    assert problem in str(refused.value)
    assert refused.value.field == "phrase"
    assert str(refused.value.facts["remedy"])


def test_what_is_not_understood_is_named_with_what_would_be() -> None:
    with pytest.raises(InvalidPhrase) as refused:
        said("call me maybe at 9")
    assert str(refused.value) == (
        'phrase: \'call me maybe\' was not understood. Say for example "tomorrow at 9am", "in 20 minutes", '
        '"every weekday at 9:00 in Europe/Berlin" or "within 3 days"'
    )


def test_every_example_of_a_refusal_is_understood() -> None:
    for text in (
        "tomorrow at 9am",
        "in 20 minutes",
        "every weekday at 9:00 in Europe/Berlin",
        "within 3 days",
    ):
        assert said(text)


@pytest.mark.parametrize("text", ["tomorrow at 9 " + "x" * 187, "9" * 1_000_000, "a " * 500_000])
def test_a_long_phrase_is_refused_unread(text: str) -> None:
    with pytest.raises(InvalidPhrase, match=f"the phrase has {len(text):,} characters. Keep it to 200"):
        said(text)


def test_the_longest_phrase_is_read() -> None:
    text = "every day at 9" + " " * 170 + "until 2026-12-31"
    assert len(text) == 200
    assert said(text) == said("every day at 9 until 2026-12-31")
