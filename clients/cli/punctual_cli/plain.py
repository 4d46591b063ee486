"""Texts of others, before they meet a terminal."""

from __future__ import annotations


def plain(value: object) -> str:
    """Return the value as one line of printable text: whatever could steer a terminal is shown escaped."""
    text = str(value)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    return character if character.isprintable() else character.encode("unicode_escape").decode()
