"""What our pages share: who asks, what may be touched, how a form is told of a refusal, and pages over huge tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Paginator
from django.db.models import JSONField
from django.http import HttpResponseRedirect
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.views import ChangeList as UnfoldChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from events import clock, operations
from events.errors import PunctualError
from events.templatetags import show
from events.transitions import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.forms import BaseForm, ModelForm
    from django.http import HttpRequest, HttpResponse

    from events.operations import InvalidInput

    AnyModelAdmin = ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
    AnyChangeList = ChangeList
    AnyModelForm = ModelForm[Any]
else:
    AnyModelAdmin = UnfoldModelAdmin
    AnyChangeList = UnfoldChangeList
    AnyPaginator = Paginator
    AnyModelForm = forms.ModelForm

# In the planner's units: some tenths of a second at most.
CHEAP = 25_000


def origin_of(request: HttpRequest) -> Origin:
    """The user as the actor of one decision, at the database's present instant."""
    return Origin(f"user:{request.user.get_username()}", uuid4(), clock.now())


def tell_form(form: BaseForm, refused: InvalidInput, homes: Mapping[str, str]) -> None:
    """Say each problem beside its field; `homes` names the form's field for what has another name there."""
    for name, sentences in refused.by_field().items():
        place = homes.get(name, name.partition(".")[0])
        at_home = place if place in form.fields else homes.get("*")
        for sentence in once(sentences):
            form.add_error(at_home, sentence if name == at_home else f"{name}: {sentence}")


class VersionedForm(AnyModelForm):
    """Carries the version that its reader saw, so that nobody overwrites what somebody else changed meanwhile."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["version"].initial = self.instance.version

    def clean(self) -> dict[str, Any] | None:
        """Refused at once if the row has another version now; the write looks again."""
        row, seen = self.instance, self.cleaned_data.get("version")
        try:
            operations.check_version(
                f"{row._meta.verbose_name} {str(row)!r}", expected=seen, current=row.version
            )
        except operations.StaleVersion as refused:
            for sentence in refused.by_field()["version"]:
                self.add_error(None, f"{sentence}{_last_change(row)}")
        return super().clean()


def _last_change(row: Model) -> str:
    """Who changed the row last, as far as Django's own log of changes knows."""
    kept = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk)
    ).select_related("user")
    latest = kept.order_by("-action_time").first()
    return f" The last change here was made by {latest.user.get_username()}." if latest else ""


def once(sentences: Iterable[str]) -> list[str]:
    """The sentences without those that another one of them says already: two checks may find one mistake."""
    distinct = list(dict.fromkeys(sentences))
    return [each for each in distinct if not any(each in other for other in distinct if other != each)]


def suggest_zones(form: ModelForm[Any]) -> None:
    """Let the browser offer the zones of the page's datalist, while a name is being typed."""
    if "timezone" in form.fields:
        form.fields["timezone"].widget.attrs["list"] = "zones"


def plan_of(rows: QuerySet[Any]) -> dict[str, Any]:
    """What PostgreSQL's planner expects of a query: "Plan Rows", and "Total Cost" in its own units."""
    try:
        plan: dict[str, Any] = json.loads(rows.explain(format="json"))[0]["Plan"]
    except EmptyResultSet:
        return {"Total Cost": 0, "Plan Rows": 0}
    return plan


class PlannedPaginator(AnyPaginator):
    """Counts exactly where PostgreSQL's planner says that this is cheap; elsewhere its estimate stands.

    A count over millions of rows takes longer than anybody waits, and nobody reads page 40,000.
    """

    template_name = "events/pagination.html"
    most_reachable = 10_000

    @cached_property
    def _plan(self) -> dict[str, Any]:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # what lists are made of
        return plan_of(rows.order_by())

    @property
    def is_exact(self) -> bool:
        """Whether `count` is the number of rows."""
        return bool(self._plan["Total Cost"] <= CHEAP)

    @cached_property
    def count(self) -> int:
        """The number of rows, or as many as pages reach."""
        return super().count if self.is_exact else min(self.most_reachable, int(self._plan["Plan Rows"]))

    @property
    def estimate(self) -> int:
        """The planner's guess at the number of rows."""
        return int(self._plan["Plan Rows"])


class PunctualChangeList(AnyChangeList):
    """The full table is never counted for the title's sake."""

    def get_results(self, request: HttpRequest) -> None:
        """One page."""
        super().get_results(request)
        self.full_result_count = self.result_count


class PunctualAdmin(AnyModelAdmin):
    """Lists that stay fast on millions of rows; a refusal that comes after the form's own check is said, not raised."""

    paginator = PlannedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    list_fullwidth = True
    list_filter_submit = True
    changelist: type[PunctualChangeList] = PunctualChangeList
    formfield_overrides = {JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}  # noqa: RUF012

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:  # noqa: ARG002 - Django's signature
        """Ours."""
        return self.changelist

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form; between its check and the write the world may have changed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except PunctualError as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(PunctualAdmin):
    """Rows that the machine writes: to be read."""

    change_form_template = "events/read.html"
    hidden: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody: the machine writes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not removed by hand."""
        return False

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The row, which Django has read for those who may see it."""
        context |= self.told_of(request, kwargs["obj"])
        return super().render_change_form(request, context, *args, **kwargs)

    def told_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:  # noqa: ARG002 - for those who need it
        """What the page's template is told: every column as it stands."""
        return {"facts": _facts(row, self.hidden)}


class ExactSearchAdmin(ReadOnlyAdmin):
    """Such rows that are searched by what has an index: exactly that, and never a pattern over millions of them."""

    searched: str

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Exactly that."""
        term = search_term.strip()
        return (self.exactly(queryset, term) if term else queryset), False

    def exactly(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """The rows whose searched column is just so."""
        return queryset.filter(**{self.searched: term})


def _facts(row: Model, hidden: tuple[str, ...]) -> list[tuple[str, Any]]:
    columns = [field for field in row._meta.concrete_fields if field.name not in hidden]
    return [(str(field.verbose_name), show.value(getattr(row, field.name))) for field in columns]
