"""Make reminders: python -m examples.reminders.make ADDRESS KEY FILE [FILE …]"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from pathlib import Path


def make(address: str, key: str, body: bytes) -> tuple[int, str]:
    """Make one reminder; the answer's status and text."""
    request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
        f"{address.rstrip('/')}/api/v1/reminders",
        data=body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def main(address: str, key: str, *files: str) -> int:
    """Make the reminder of each file; 1 if any was refused."""
    refused = 0
    for file in files:
        status, text = make(address, key, Path(file).read_bytes())
        refused |= int(status not in {200, 201})
        sys.stdout.write(f"{file}: {status} {text}\n")
    return refused


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
