"""Verbs on chosen rows: a page that says what will happen and asks for the reason, then one operation each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from events.admin.base import AnyModelAdmin, origin_of, tell_form
from events.errors import PunctualError
from events.operations import InvalidInput
from events.templatetags.show import several

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from events.transitions import Origin

MOST_AT_ONCE = 10_000
MOST_SHOWN = 20


class ReasonForm(forms.Form):
    """Why: for the log, and for whoever reads it next year."""

    why = forms.CharField(
        label="Reason",
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="It is kept in the log, beside your name.",
        error_messages={"required": "Say why, in a few words: the log keeps it."},
    )


@dataclass(frozen=True, slots=True)
class Deed:
    """Which rows a verb moved, and what to tell the operator."""

    moved: Sequence[int]
    said: Sequence[str]


def nothing_yet(_: Sequence[int]) -> dict[str, Any]:
    """The initial values of a form that has none."""
    return {}


@dataclass(frozen=True, slots=True)
class Verb:
    """What an operator may do to chosen rows. `perform` is given ids, the form's values and the origin.

    `initial` are the form's values for these ids. InvalidInput is said beside the form's fields; any other
    PunctualError is told to the operator as it is.
    """

    key: str
    label: str
    effect: str
    perform: Callable[[Sequence[int], dict[str, Any], Origin], Deed]
    form_class: type[forms.Form] = ReasonForm
    initial: Callable[[Sequence[int]], dict[str, Any]] = nothing_yet
    is_grave: bool = False


class ActingAdmin(AnyModelAdmin):
    """Lists whose selected rows, and pages whose row, can be acted upon with `verbs`."""

    verbs: tuple[Verb, ...] = ()

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may act: the permission to change, even where nobody may edit."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def verbs_for(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """The buttons of one row's page."""
        if not self.has_operate_permission(request):
            return []
        return [
            {"verb": verb, "link": f"{self._address(verb)}?ids={row.pk}"}
            for verb in self.verbs
            if self.is_possible(verb, row)
        ]

    def is_possible(self, verb: Verb, row: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the verb could move this row."""
        return True

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The verbs, where the user may act; Django's own deletion never."""
        if not self.has_operate_permission(request):
            return {}
        return {verb.key: (self._asker(verb), verb.key, verb.label) for verb in self.verbs}

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the page that asks for the reason."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("act/<str:key>/", self.admin_site.admin_view(self.act), name=name), *super().get_urls()]

    def act(self, request: HttpRequest, key: str) -> HttpResponse:
        """Ask (GET), or do (POST)."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        verb = next((verb for verb in self.verbs if verb.key == key), None)
        if verb is None:
            raise Http404(key)
        ids = _numbers(request.POST.get("ids") or request.GET.get("ids", ""))
        form = verb.form_class(request.POST or None, initial=verb.initial(ids))
        if not form.is_valid() or not self._is_performed(request, verb, ids, form):
            return self._ask(request, verb, ids, form)
        return HttpResponseRedirect(self._afterwards(ids))

    def _is_performed(self, request: HttpRequest, verb: Verb, ids: Sequence[int], form: forms.Form) -> bool:
        """Do it, and say what was done or why not; False where the form's values are to be put right."""
        try:
            deed = verb.perform(ids, form.cleaned_data, origin_of(request))
        except InvalidInput as refused:
            tell_form(form, refused, {})
            return False
        except PunctualError as error:
            messages.error(request, str(error))
            return True
        for sentence in deed.said:
            messages.success(request, sentence)
        self.log_act(request, verb, deed.moved, form.cleaned_data["why"])
        return True

    def log_act(self, request: HttpRequest, verb: Verb, ids: Sequence[int], why: str) -> None:
        """Keep who and why, for subclasses whose operations have no log of their own."""

    def _asker(self, verb: Verb) -> Callable[..., HttpResponse | None]:
        def ask(_: ActingAdmin, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
            ids = list(chosen.order_by().values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
            if len(ids) > MOST_AT_ONCE:
                messages.error(request, f"Choose {MOST_AT_ONCE:,} at most; narrow the list by its filters.")
                return None
            return self._ask(request, verb, ids, verb.form_class(initial=verb.initial(ids)))

        return ask

    def _ask(self, request: HttpRequest, verb: Verb, ids: Sequence[int], form: forms.Form) -> HttpResponse:
        chosen = list(self.get_queryset(request).filter(pk__in=ids).order_by("pk")[:MOST_SHOWN])
        context = {
            **self.admin_site.each_context(request),
            "title": verb.label,
            "opts": self.opts,
            "verb": verb,
            "form": form,
            "ids": ",".join(map(str, ids)),
            "chosen": chosen,
            "unshown": len(ids) - len(chosen),
            "count": several(len(ids), str(self.opts.verbose_name), str(self.opts.verbose_name_plural)),
            "action_url": self._address(verb),
            "back_url": self._afterwards(ids),
        }
        return TemplateResponse(request, "events/act.html", context)

    def _address(self, verb: Verb) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_act", args=[verb.key])

    def _afterwards(self, ids: Sequence[int]) -> str:
        base = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"{base}_change", args=ids) if len(ids) == 1 else reverse(f"{base}_changelist")


def _numbers(text: str) -> list[int]:
    ids = [int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) < 19]
    return list(dict.fromkeys(ids))[:MOST_AT_ONCE]
