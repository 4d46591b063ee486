"""A phrase, read."""

from __future__ import annotations

from datetime import datetime

from events.phrases.here import Here
from events.phrases.meaning import phrase_of
from events.phrases.parts import PartReader, zone_said
from events.phrases.phrase import Phrase
from events.phrases.refusing import refuse
from events.phrases.tokens import Words
from events.timing import canonical_zone
from events.timing.refusing import shown


def read_phrase(text: str, *, now: datetime, timezone: str) -> Phrase:
    """Return what a phrase means when it is said at `now` (aware) in a zone; a zone in the phrase wins.

    What `Phrase.in_words` says can be read again: what it adds after a semicolon must then be what it would say.
    Raises InvalidPhrase (field "phrase") for what is not understood, past, or not said in full; UnknownZone (field
    "timezone") for the zone that was given beside it.
    """
    said, _, remark = text.partition(";")
    words = Words(said)
    beside = canonical_zone(timezone)
    here = Here(now, zone_said(words) or beside)
    phrase = phrase_of(PartReader(words, here).read(), here)
    if remark.strip() not in {"", phrase.in_words().partition(";")[2].strip()}:
        refuse(f"{shown(remark.strip())} was not understood", "Leave out what follows the semicolon")
    return phrase


def named_zone(text: str) -> str:
    """Return the canonical zone that a phrase names itself, or ""."""
    return zone_said(Words(text.partition(";")[0]))
