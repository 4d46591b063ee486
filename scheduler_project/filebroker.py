"""The embedded broker: kombu's filesystem transport, made safe for several processes that read and write at once.

kombu's own writes a message under its final name, where a reader can take it half-written, and moves taken messages
through the system's temporary folder, which may be another filesystem. Here both are single renames in one folder.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

CONTROL_MESSAGES = (".pidbox.msg", ".celeryev.")


class Channel(filesystem.Channel):
    """Messages are files named <time>_<uuid>.<queue>.msg in one folder."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        name = f"{time.monotonic() * 1000:015.0f}_{uuid.uuid4().hex}.{queue}.msg"
        draft = Path(self.processed_folder) / name
        draft.write_text(dumps(payload))
        draft.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str) -> Any:
        ending = f".{queue}.msg"
        for name in sorted(name for name in os.listdir(self.data_folder_in) if _is_of(name, ending)):
            taken = Path(self.processed_folder) / name
            try:
                (Path(self.data_folder_in) / name).rename(taken)
            except FileNotFoundError:  # another consumer was faster
                continue
            payload = loads(taken.read_text())
            taken.unlink()
            return payload
        raise Empty


class Transport(filesystem.Transport):
    """kombu's filesystem transport with the channel above."""

    Channel = Channel


def options(folder: Path) -> dict[str, Any]:
    """The transport's options for a broker in that folder."""
    return {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "processed_folder": str(folder / "processed"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.05,
    }


def prepare(folder: Path) -> None:
    """Make the folders; forget what only the processes of an earlier run could have read: remote control, events.

    Tasks stay. Only while no process uses the broker.
    """
    for name in ("messages", "processed", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for left in [*(folder / "processed").iterdir(), *(folder / "control").iterdir()]:
        left.unlink()
    for message in (folder / "messages").iterdir():
        if any(part in message.name for part in CONTROL_MESSAGES):
            message.unlink()


def _is_of(name: str, ending: str) -> bool:
    return name.endswith(ending) and name.partition(".")[2] == ending[1:]
