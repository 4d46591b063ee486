"""The filters of our lists. None asks the table which values there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from celery.states import ALL_STATES
from unfold.contrib.filters.admin import CheckboxFilter, DropdownFilter, RangeDateTimeFilter, TextFilter

from events import clock
from events.lifecycle import Hold, Reason, State
from events.queries import Lateness, find_dead_letters, with_lateness
from events.timing import canonical_zones

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class StateFilter(CheckboxFilter):
    """Any of the chosen states."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The states, in the order of a life."""
        return [(state.value, state.value.lower()) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The rows in one of them."""
        chosen = set(self.value() or []) & set(State)
        return queryset.filter(state__in=sorted(chosen)) if chosen else queryset


class ZoneFilter(DropdownFilter):
    """One zone."""

    title = "zone"
    parameter_name = "timezone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Every zone that tzdata offers."""
        return [(name, name) for name in canonical_zones()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The rows of that zone."""
        return queryset.filter(timezone=self.value()) if self.value() else queryset


class HoldFilter(DropdownFilter):
    """Held for one cause, or for any."""

    title = "hold"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Any cause, or one."""
        return [("any", "held"), *((hold.value, hold.value.replace("_", " ")) for hold in Hold)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The held rows."""
        if self.value() == "any":
            return queryset.exclude(hold="")
        return queryset.filter(hold=self.value()) if self.value() else queryset


class WhyFilter(TextFilter):
    """Dead letters by what their last attempt said."""

    title = "what a dead letter's last attempt said"
    parameter_name = "why"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The dead letters that died of it."""
        said = (self.value() or "").replace("\x00", "").strip()
        return queryset.filter(pk__in=find_dead_letters(why=said).values("pk")) if said else queryset


class LatenessFilter(DropdownFilter):
    """How late."""

    title = "lateness"
    parameter_name = "lateness"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The buckets."""
        return [(bucket.value, bucket.value) for bucket in Lateness]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The rows of one bucket, as of now."""
        if self.value() not in set(Lateness):
            return queryset
        return with_lateness(queryset, Lateness(self.value()), now=clock.now())


class PresenceFilter(DropdownFilter):
    """Deleted entities are hidden until they are asked for."""

    title = "presence"
    parameter_name = "presence"
    all_option = ["", "present"]  # noqa: RUF012 - unfold's own attribute

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Beside the present ones."""
        return [("deleted", "deleted"), ("all", "all")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The present entities, the deleted ones, or both."""
        if self.value() == "all":
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() != "deleted")


class RangeFilter(RangeDateTimeFilter):
    """Between two instants in UTC; unfold's own leaves out the zone."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The rows of that time; a time without a date means nothing, a date without a time its first moment."""
        bounds = {"gte": self._instant("from"), "lte": self._instant("to")}
        return queryset.filter(**{f"{self.parameter_name}__{side}": at for side, at in bounds.items() if at})

    def _instant(self, side: str) -> datetime | None:
        day, clock_time = (
            str(self.used_parameters.get(f"{self.parameter_name}_{side}_{part}") or "") for part in "01"
        )
        try:
            return datetime.fromisoformat(f"{day} {clock_time}".strip()).replace(tzinfo=UTC)
        except ValueError:
            return None


class OutcomeFilter(DropdownFilter):
    """What came of an attempt."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The outcomes, and none yet."""
        words = ("completed", "failed", "postponed", "declined", "rejected", "unknown", "lost")
        return [("running", "running"), *((word, word) for word in words)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The attempts that ended so."""
        value = self.value()
        return queryset.filter(outcome="" if value == "running" else value) if value else queryset


class ReasonFilter(DropdownFilter):
    """Why a move was made."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The reason codes."""
        return [(reason.value, reason.value.replace("_", " ")) for reason in Reason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The moves that were made for it."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


class TaskStatusFilter(DropdownFilter):
    """Celery's word for how a task went."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """All of them."""
        return [(word, word.lower()) for word in sorted(ALL_STATES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """The results with that status."""
        return queryset.filter(status=self.value()) if self.value() else queryset
