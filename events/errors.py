"""The one base of every error this project raises on purpose.

An error's docstring is its message: a template filled from the facts given where it is raised.
"""

from __future__ import annotations

import inspect


class PunctualError(Exception):
    """Punctual could not do what was asked."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(inspect.cleandoc(type(self).__doc__ or "").format(**facts))


class InvalidField(PunctualError):
    """{field}: {problem}. {remedy}"""

    @property
    def field(self) -> str:
        """The name of the input field that was refused."""
        return str(self.facts["field"])
