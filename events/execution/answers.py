"""What came out of a handler, made sound: one row's odd answer must concern no neighbour and stop no statement."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from events.handling import Completed, Decline, Kind, Postpone, Reject, Retry, Unsure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.handling import Handler, Outcome

logger = logging.getLogger(__name__)

TEXT_LIMIT = 4000
LONGEST_WAIT = timedelta(days=3650)
LAST_YEAR = 9000


def sound(answer: object, handler: Handler, kind: Kind) -> Outcome:
    """The answer if it is an outcome that can be kept; otherwise what it must mean for a call of this kind."""
    match answer:
        case Completed(result):
            return answer if result == {} else Completed(_kept(result))
        case Retry(why, _) if kind is not handler.kind:
            return Unsure(
                text(why)
            )  # it relies on a key, and the rule does not: whether it happened is not known
        case Retry(why, after):
            return Retry(text(why), _wait(after))
        case Postpone(until, why) if _is_instant(until):
            return Postpone(until, text(why))
        case Postpone(until, _):
            return _unusable(f"it postponed until {until!r}, which is not an aware instant", handler, kind)
        case Decline(why) | Reject(why) | Unsure(why):
            return type(answer)(text(why))
    return _unusable(f"it answered {answer!r:.200}, which is not an outcome", handler, kind)


def failure(error: BaseException, handler: Handler, kind: Kind, occurrence_id: int) -> Outcome:
    """An exception means: try again, unless a second call would be a second effect."""
    logger.error("handler %s raised for occurrence %s", handler.name, occurrence_id, exc_info=error)
    why = text(f"{type(error).__name__}: {error}")
    return Unsure(why) if kind is Kind.NON_IDEMPOTENT else Retry(why)


def text(value: object) -> str:
    """As PostgreSQL can keep it: no NUL, no half of a surrogate pair, not too long."""
    return (
        str(value)[:TEXT_LIMIT].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    )


def _kept(result: object) -> Mapping[str, Any]:
    try:
        written = json.dumps(result, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        return {"unreadable": text(error)}
    if len(written) > TEXT_LIMIT:
        return {"too_long": len(written)}
    kept = json.loads(written.replace("\\u0000", "\N{REPLACEMENT CHARACTER}").encode(errors="replace"))
    return kept if isinstance(kept, dict) else {"result": kept}


def _wait(after: object) -> timedelta | None:
    return min(after, LONGEST_WAIT) if isinstance(after, timedelta) else None


def _is_instant(until: object) -> bool:
    return isinstance(until, datetime) and until.tzinfo is not None and until.year < LAST_YEAR


def _unusable(problem: str, handler: Handler, kind: Kind) -> Outcome:
    why = text(f"the handler {handler.name} is wrong: {problem}")
    return Unsure(why) if kind is Kind.NON_IDEMPOTENT else Reject(why)
