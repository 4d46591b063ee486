"""A process with this folder on its PYTHONPATH has a clock that is wrong by WRONG_BY_SECONDS.

Python runs this file before all others of a process, and so of each of its children. It stands in for a machine
without NTP: whatever asks Python for the time gets the wrong one; the database keeps its own.
"""

from __future__ import annotations

import datetime as module
import os
import time
from typing import Any

real = module.datetime
real_time = time.time
WRONG_BY = module.timedelta(seconds=float(os.environ["WRONG_BY_SECONDS"]))


class _Kind(type):
    """Real instants are instances too: libraries ask whether what the database gave them is one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, real)


class _Wrong(real, metaclass=_Kind):
    @classmethod
    def now(cls, tz: module.tzinfo | None = None) -> Any:
        return real.now(tz) + WRONG_BY

    @classmethod
    def utcnow(cls) -> Any:
        return real.utcnow() + WRONG_BY


_Wrong.__module__, _Wrong.__qualname__, _Wrong.__name__ = "datetime", "datetime", "datetime"
module.datetime = _Wrong  # type: ignore[misc]
time.time = lambda: real_time() + WRONG_BY.total_seconds()
