"""What a rule's values would fire: beside its form, while they are being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from events import operations, queries
from events.admin.rule_form import SAID_BY_ICAL, SAID_BY_PHRASE, RuleForm, sentence_of
from events.errors import InvalidField
from events.models import EveryFrom, Rule

if TYPE_CHECKING:
    from datetime import datetime

# The fields that say when: where one of them is wrong, nothing can be said of the firings.
SAYS_WHEN = {
    *SAID_BY_ICAL, *SAID_BY_PHRASE, "ical", "phrase", "cron", "every", "every_from", "calendar", "roll", "anchor",
    "anchor_offset_days", "gap", "fold", "leap",
}  # fmt: skip


class Problem(NamedTuple):
    """What is wrong, and the form's field that it is said beside; without one it concerns the whole."""

    field: str
    label: str
    sentence: str


def preview(form: RuleForm, *, now: datetime) -> dict[str, Any]:
    """What to show beside a form that is being filled in: problems, what is missing, the sentence, the firings."""
    form.is_valid()
    refused = form.errors.as_data()
    missing = [name for name, errors in refused.items() if any(error.code == "required" for error in errors)]
    # What concerns the whole is said once the parts are there.
    told = {
        name: errors
        for name, errors in refused.items()
        if name not in missing and (name in form.fields or not missing)
    }
    problems = [
        _problem(form, name, said)
        for name, errors in told.items()
        for error in errors
        for said in error.messages
    ]
    shown: dict[str, Any] = {"firings": []}
    try:
        shown |= {} if SAYS_WHEN & told.keys() else coming(form.instance, now=now)
    except InvalidField as refusal:
        sentence = sentence_of(refusal)
        if not any(sentence in problem.sentence for problem in problems):
            problems.append(_problem(form, operations.COLUMN_OF.get(refusal.field, refusal.field), sentence))
    return {
        **shown,
        "problems": problems,
        "wrong": list(dict.fromkeys(problem.label for problem in problems if problem.label)),
        "missing": [str(form[name].label) for name in missing],
    }


def _problem(form: RuleForm, name: str, sentence: str) -> Problem:
    return (
        Problem(name, str(form[name].label), sentence) if name in form.fields else Problem("", "", sentence)
    )


def coming_of_kept(rule: Rule, *, now: datetime) -> dict[str, Any]:
    """What is coming of a kept rule, or why nobody can say: its calendar's country may be unknown by now."""
    try:
        return coming(rule, now=now)
    except InvalidField as refusal:
        return {"firings": [], "problems": [Problem("", "", sentence_of(refusal))]}


def coming(rule: Rule, *, now: datetime) -> dict[str, Any]:
    """The sentence about the rule's time and its next firings, as far as it says when and for whom.

    Raises InvalidField.
    """
    counts_from_completion = rule.every_from == EveryFrom.COMPLETION
    starts = rule.start_date or (rule.anchor and not counts_from_completion)
    if not (starts and (rule.local_time or rule.cron)) or (counts_from_completion and not rule.every):
        return {"firings": []}
    firings = queries.next_firings(rule, now=now, timed_anew=_is_timed_anew(rule))
    what, *policies = queries.when_in_words(rule).split("; ")
    return {
        "firings": firings,
        "what": what,
        "policies": policies,
        "says_whom": rule.entity_id or rule.audience_kind,
        "after_completion": counts_from_completion,
    }


def _is_timed_anew(rule: Rule) -> bool:
    """Whether the rule that is being edited has other moments than the one that is kept."""
    kept = Rule.objects.filter(pk=rule.pk).first()
    return kept is None or not operations.has_same_moments(kept, rule)
