"""The package as a whole."""

from __future__ import annotations

import tomllib
from pathlib import Path

from handlers import __version__


def test_the_version_that_receivers_see_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__
