"""Other releases of the tzdata package: real folders, for other processes to import in place of the installed one."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

INSTALLED = Path(str(distribution("tzdata").locate_file("tzdata")))


@dataclass(frozen=True)
class Release:
    """A copy of the installed package under another version. `environment` has a process import it."""

    folder: Path
    version: str

    @classmethod
    def copied(cls, folder: Path, version: str) -> Release:
        """The installed data, called otherwise."""
        shutil.copytree(INSTALLED, folder / "tzdata", ignore=shutil.ignore_patterns("__pycache__"))
        release = cls(folder, version)
        release._rewrite("tzdata.zi", lambda text: f"# version {version}\n" + text.split("\n", 1)[1])
        return release

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder)}

    def put(self, zone: str, data: bytes) -> None:
        """Give the zone these clocks."""
        self._path(zone).write_bytes(data)

    def like(self, zone: str, other: str) -> None:
        """Give the zone the other one's clocks."""
        self.put(zone, self._path(other).read_bytes())

    def rename(self, zone: str, name: str) -> None:
        """Keep the zone under another of its names, which is then its own, and let the present one be a link."""

        def renamed(text: str) -> str:
            text = text.replace(f"L {zone} {name}\n", "").replace(f"Z {zone} ", f"Z {name} ")
            return text + f"L {name} {zone}\n"

        self._rewrite("tzdata.zi", renamed)
        self._rewrite("zone.tab", lambda text: text.replace(zone, name))

    def _path(self, zone: str) -> Path:
        return self.folder / "tzdata" / "zoneinfo" / zone

    def _rewrite(self, name: str, change: object) -> None:
        path = self._path(name)
        path.write_text(change(path.read_text("utf-8")), "utf-8")  # type: ignore[operator]


def clocks(rule: str) -> bytes:
    """A zone whose clocks go by a POSIX rule alone, such as "AAA0BBB,J60/2,J300/2" (RFC 9636)."""
    counts = (0, 0, 0, 0, 1, 4)
    block = b"TZif2" + bytes(15) + struct.pack(">6l", *counts) + struct.pack(">lBB", 0, 0, 0) + b"AAA\0"
    return block + block + f"\n{rule}\n".encode()
