"""Builds wheels with the standard library alone: no network and no build tool is needed."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


def project() -> dict[str, Any]:
    """What the package's pyproject.toml says."""
    found: dict[str, Any] = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    return found


def carrier_pigeon(folder: Path) -> Path:
    """Return the package's wheel, built into `folder`."""
    about = project()
    sources = {
        str(path.relative_to(PACKAGE / "src")): path.read_text() for path in (PACKAGE / "src").rglob("*.py")
    }
    return build(folder, about["name"], about["version"], sources, about["entry-points"]["punctual.handlers"])


def build(folder: Path, name: str, version: str, sources: dict[str, str], handlers: dict[str, str]) -> Path:
    """Return a wheel of these sources that offers these handlers. Source: the binary distribution format."""
    stem = f"{name.replace('-', '_')}-{version}"
    points = "".join(f"{point} = {target}\n" for point, target in handlers.items())
    files = {
        **sources,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": f"[punctual.handlers]\n{points}",
    }
    files[f"{stem}.dist-info/RECORD"] = "".join(
        f"{path},,\n" for path in (*files, f"{stem}.dist-info/RECORD")
    )
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
