"""Send messages to groups: python -m examples.groups.send ADDRESS KEY FILE [FILE …]"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def send(address: str, key: str, body: bytes) -> tuple[int, str]:
    """Post one message; the answer's status and text."""
    request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
        f"{address.rstrip('/')}/api/v1/groups",
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
    """Send each file; 1 if any was refused."""
    refused = 0
    for file in files:
        status, text = send(address, key, Path(file).read_bytes())
        refused |= int(status not in {200, 201})
        sys.stdout.write(f"{file}: {status} {json.dumps(json.loads(text))}\n")
    return refused


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
