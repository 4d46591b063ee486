"""Read by every Python that is started with this folder in PYTHONPATH: those whose clock libfaketime makes wrong.

Python sleeps until an instant of the monotonic clock, which libfaketime shifts by mistake (0.9.10: EINVAL), even where
it is told to leave that clock alone. A sleep by select() names a span instead.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
