"""What our pages share: who asks, what may be touched, how a form is told of a refusal, and pages over huge tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Paginator
from django.http import HttpResponseRedirect
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin as UnfoldModelAdmin

from events import clock
from events.operations import InvalidInput
from events.transitions import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse

    AnyModelAdmin = ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    AnyModelAdmin = UnfoldModelAdmin
    AnyPaginator = Paginator


def origin_of(request: HttpRequest) -> Origin:
    """The user as the actor of one decision, at the database's present instant."""
    return Origin(f"user:{request.user.get_username()}", uuid4(), clock.now())


def tell_form(form: ModelForm[Any], refused: InvalidInput, homes: Mapping[str, str]) -> None:
    """Say each problem beside its field; `homes` names the form's field for what has another name there."""
    for name, sentences in refused.by_field().items():
        place = homes.get(name, name.partition(".")[0])
        at_home = place if place in form.fields else homes.get("*")
        for sentence in sentences:
            form.add_error(at_home, sentence if name == at_home else f"{name}: {sentence}")


class PlannedPaginator(AnyPaginator):
    """Counts exactly where PostgreSQL's planner says that this is cheap; elsewhere its estimate stands.

    A count over millions of rows takes longer than anybody waits, and nobody reads page 40,000.
    """

    template_name = "events/pagination.html"
    most_reachable = 10_000
    # In the planner's units: about a tenth of a second.
    cheap = 25_000

    @cached_property
    def _plan(self) -> dict[str, Any]:
        rows: QuerySet[Any] = self.object_list.order_by()  # type: ignore[union-attr, assignment]
        try:
            plan: dict[str, Any] = json.loads(rows.explain(format="json"))[0]["Plan"]
        except EmptyResultSet:
            return {"Total Cost": 0, "Plan Rows": 0}
        return plan

    @property
    def is_exact(self) -> bool:
        """Whether `count` is the number of rows."""
        return bool(self._plan["Total Cost"] <= self.cheap)

    @cached_property
    def count(self) -> int:
        """The number of rows, or as many as pages reach."""
        return super().count if self.is_exact else min(self.most_reachable, int(self._plan["Plan Rows"]))

    @property
    def estimate(self) -> int:
        """The planner's guess at the number of rows."""
        return int(self._plan["Plan Rows"])


class PunctualAdmin(AnyModelAdmin):
    """Lists that stay fast on millions of rows; a refusal that comes after the form's own check is said, not raised."""

    paginator = PlannedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    list_fullwidth = True
    list_filter_submit = True

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form; between its check and the write the world may have changed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InvalidInput as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(PunctualAdmin):
    """Rows that the machine writes: to be read."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody: the machine writes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not removed by hand."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row, without buttons that would do nothing."""
        return super().change_view(request, object_id, form_url, {"show_save": False, **(extra_context or {})})
