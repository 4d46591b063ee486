"""`make up`: start everything, run until Ctrl-C, stop everything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scheduler_project.env import InvalidSetting, environment

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """The run's exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
    try:
        settings = environment(BASE_DIR)
    except InvalidSetting as error:
        raise SystemExit(f"punctual: {error}") from None
    from scheduler_project.local.run import CannotStart, run

    try:
        return run(settings)
    except CannotStart as error:
        raise SystemExit(f"punctual: {error}") from None
    except KeyboardInterrupt:
        return 0


sys.exit(main())
