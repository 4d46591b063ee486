"""Post files to a server that runs: python -m examples.post WHERE KEY FILE [FILE …]

WHERE is the address of triggers, reminders or groups, such as http://127.0.0.1:8000/api/v1/triggers.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from pathlib import Path


def post(where: str, key: str, body: bytes) -> tuple[int, str]:
    """Post one body; the answer's status and text."""
    request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
        where, data=body, headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def main(where: str, key: str, *files: str) -> int:
    """Post each file; 1 if any was refused."""
    refused = 0
    for file in files:
        status, text = post(where, key, Path(file).read_bytes())
        refused |= int(status not in {200, 201})
        sys.stdout.write(f"{file}: {status} {text}\n")
    return refused


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
