"""Declarations as YAML that people read: blank lines between them, lines of a text as lines, 09:00 in quotes."""

from __future__ import annotations

import re
import sys
from textwrap import indent
from typing import TYPE_CHECKING, Any

import yaml

from events.errors import PunctualError
from events.management.yaml_files import MOST_BYTES, read_text
from events.operations.declared import NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

# YAML breaks lines at these as well, and does not give them back as they were.
ODD_BREAKS = re.compile("[\r\x85\u2028\u2029]")
LOOKS_LIKE_A_TIME = re.compile(r"\d{1,2}(?::\d{2})+(?:\.\d+)?", re.ASCII)
ONE_LINE = {"closed_weekdays"}


class TooMuch(PunctualError):
    """What is to be exported is no file that apply would take: {problem}. Export some rules at a time, with --rule."""


class Dumper(yaml.SafeDumper):
    """Quotes whatever any YAML would take for something else than text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        """Lists are indented below their key."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Nothing is an anchor."""
        return True


def _text(dumper: Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if ODD_BREAKS.search(text) or LOOKS_LIKE_A_TIME.fullmatch(text):
        return '"'
    if "\n" in text:
        # What begins with a space, or ends in empty lines, could be read in several ways as a block.
        return '"' if text[0].isspace() or text.endswith("\n\n") else "|"
    return None


def _number(dumper: Dumper, number: float) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))


Dumper.add_representer(str, _text)
Dumper.add_representer(float, _number)
# 1e5 is a number in JSON, and a text in older YAML.
Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(rf"{NUMBER.pattern}\Z", re.ASCII), list("-0123456789")
)


def as_yaml(written: Mapping[str, Any]) -> str:
    """Return the text of a file that declares these, which reads as the same. Raises TooMuch."""
    try:
        parts = [f"version: {written['version']}\n"]
        parts += [_section(key, value) for key, value in written.items() if isinstance(value, list) and value]
    except RecursionError as error:
        raise TooMuch(problem="a payload is nested too deeply") from error
    text = "\n".join(parts)
    if len(text.encode()) > MOST_BYTES:
        raise TooMuch(problem=f"it has more than {MOST_BYTES:,} bytes")
    try:
        read_text("the export", text)
    except PunctualError as error:
        raise TooMuch(problem=str(error)) from error
    return text


def _section(key: str, declarations: list[dict[str, Any]]) -> str:
    return f"{key}:\n" + "\n".join(indent(_item(one), "  ") for one in declarations)


def _item(declaration: dict[str, Any]) -> str:
    lines = [_dumped(key, value) for key, value in declaration.items()]
    return "- " + indent("".join(lines), "  ").lstrip(" ")


def _dumped(key: str, value: Any) -> str:
    if key in ONE_LINE:
        return f"{key}: [{', '.join(value)}]\n"
    return str(yaml.dump({key: value}, Dumper=Dumper, allow_unicode=True, width=sys.maxsize, sort_keys=False))
