"""People and things: written through operations alone, so that their rows follow in the same transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import DateTimeField, Value
from django.http import HttpResponseRedirect
from unfold.contrib.filters.admin import AllValuesCheckboxFilter
from unfold.decorators import display

from events import clock, operations, queries
from events.admin.acting import ActingAdmin, Deed, Verb
from events.admin.base import PunctualAdmin, VersionedForm, origin_of, suggest_zones, tell_form
from events.admin.filters import PresenceFilter, ZoneFilter
from events.models import Entity, Occurrence
from events.operations import EntityFacts, InvalidInput
from events.templatetags import show
from events.timing import canonical_zones, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from events.transitions import Origin

# An error about a single attribute is said beside the attributes.
HOMES = {"*": "attributes"}
MOST_SHOWN = 10


def facts_of(entity: Entity) -> EntityFacts:
    """What the form says of the entity."""
    return EntityFacts(
        entity.kind, entity.external_id, entity.timezone, entity.name, entity.attributes, entity.leap
    )


class EntityForm(VersionedForm):
    """Checked by the rules of operations, each refusal beside its field."""

    class Meta:
        """The facts."""

        model = Entity
        fields = ("kind", "external_id", "name", "timezone", "attributes", "leap")
        help_texts = {  # noqa: RUF012 - Django's own attribute
            "timezone": "The name of a city's zone, such as Europe/Berlin. Start to type, and choose.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        suggest_zones(self)

    def clean_attributes(self) -> dict[str, Any]:
        """Facts have names: an object, and no other JSON."""
        given = self.cleaned_data["attributes"]
        if not isinstance(given or {}, dict):
            raise forms.ValidationError('It is not a JSON object. Write it as {"birthday": "1990-05-17"}.')
        return given or {}

    def _get_validation_exclusions(self) -> set[str]:
        """Whose it is is no field of the form, but a part of its identity."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # Django's own hook
        return excluded - {"owner"}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, not in the stubs
        if self.errors:
            return
        try:
            self.instance.timezone = operations.check_entity(facts_of(self.instance)).timezone
        except InvalidInput as refused:
            tell_form(self, refused, HOMES)


def _delete(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
    deleted = operations.delete_entities(ids, why=values["why"], origin=origin)
    many = show.several(deleted, "entity", "entities")
    return Deed(ids, [f"{many} deleted; what was not sent is cancelled, the history stays."])


DELETE = Verb(
    "delete", "Delete", "What is planned for it is cancelled; its history stays.", _delete, is_grave=True
)


@admin.register(Entity)
class EntityAdmin(ActingAdmin, PunctualAdmin):
    """Whom or what schedules concern."""

    form = EntityForm
    verbs = (DELETE,)
    list_display = ("name_or_id", "kind", "external_id", "timezone", "local_now", "next_time")
    list_filter = (("kind", AllValuesCheckboxFilter), ZoneFilter, PresenceFilter)
    ordering = ("kind", "external_id")
    search_fields = ("external_id", "name")
    search_help_text = "An external id or a name."
    change_form_template = "events/entity.html"
    fields = ("kind", "external_id", "name", "timezone", "attributes", "leap")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entity]:
        """The rows, each knowing the instant at which it was read; deleted ones cannot be chosen for a rule."""
        rows: QuerySet[Entity] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            return rows.filter(deleted_at=None)
        return rows.annotate(read_at=Value(clock.now(), DateTimeField()), next_at=queries.next_at("entity"))

    def get_readonly_fields(self, request: HttpRequest, obj: Entity | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Its kind and external id are its identity: fixed once it is known."""
        return ("kind", "external_id") if obj else ()

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete."""
        return self.has_delete_permission(request)

    def is_possible(self, verb: Verb, row: Entity) -> bool:  # noqa: ARG002 - there is one verb
        """A deleted one is not deleted again."""
        return row.deleted_at is None

    def save_model(self, request: HttpRequest, obj: Entity, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Put it, with its rows, and learn its number."""
        facts = replace(facts_of(obj), version=form.cleaned_data["version"])
        operations.put_entities([facts], owner=obj.owner_id, origin=origin_of(request))
        obj.pk = Entity.objects.values_list("pk", flat=True).get(
            owner=obj.owner_id, kind=obj.kind, external_id=obj.external_id
        )

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """The page that asks for the reason."""
        return HttpResponseRedirect(f"{self._address(DELETE)}?ids={object_id}")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with its occurrences below."""
        row: Entity | None = kwargs.get("obj")
        context |= {"zones": canonical_zones(), "show_delete": False}
        if row:
            context |= {"page": {**_around(row), "verbs": self.verbs_for(request, row)}}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Name", ordering="name")
    def name_or_id(self, row: Entity) -> str | SafeString:
        """Its name; struck out where it is deleted."""
        return show.deleted(str(row)) if row.deleted_at else str(row)

    @display(description="Its time now")
    def local_now(self, row: Any) -> str:
        """The wall clock in its zone."""
        return f"{row.read_at.astimezone(zone(row.timezone)):%a %H:%M}"

    @display(description="Next, UTC")
    def next_time(self, row: Any) -> str:
        """When the next of its planned occurrences fires."""
        return show.instant(row.next_at)


def _around(entity: Entity) -> dict[str, Any]:
    now = clock.now()
    rows = Occurrence.objects.filter(entity=entity).select_related("rule")
    return {
        "upcoming": rows.filter(due_at__gte=now).order_by("due_at", "id")[:MOST_SHOWN],
        "past": rows.filter(due_at__lt=now).order_by("-due_at", "-id")[:MOST_SHOWN],
        "local_now": now.astimezone(zone(entity.timezone)),
    }
