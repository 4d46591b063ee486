"""From rules to rows: every slot up to the horizon becomes exactly one occurrence."""

from events.planning.audiences import UnusableAnchor, anchors_of, check_anchor
from events.planning.before_edits import plan_before_edits
from events.planning.closed_days import UnknownCountry, business_days_of, closed_days, subdivisions_of
from events.planning.ended import has_more, retire_ended
from events.planning.members import audience_sql
from events.planning.passes import RulesNotPlanned, ahead_of, plan_due_rules
from events.planning.plans import (
    LEAST_AHEAD,
    Backfill,
    backfill,
    is_behind,
    kind_of,
    plan_after_completion,
    plan_entities,
    plan_rule,
    replan_edited,
    replan_entities,
    replan_rule,
)
from events.planning.recurrences import (
    EXTREME_ZONES,
    YEARS_AHEAD,
    next_firings_of,
    policies_of,
    recurrence_of,
)
from events.planning.serial import alone, together
from events.planning.zone_data import (
    Outlook,
    RuleShift,
    StoredZone,
    apply_zone_data,
    foresee_zone_data,
    stored_zones,
    unsent_by_release,
)

__all__ = [
    "EXTREME_ZONES",
    "LEAST_AHEAD",
    "YEARS_AHEAD",
    "Backfill",
    "Outlook",
    "RuleShift",
    "RulesNotPlanned",
    "StoredZone",
    "UnknownCountry",
    "UnusableAnchor",
    "ahead_of",
    "alone",
    "anchors_of",
    "apply_zone_data",
    "audience_sql",
    "backfill",
    "business_days_of",
    "check_anchor",
    "closed_days",
    "foresee_zone_data",
    "has_more",
    "is_behind",
    "kind_of",
    "next_firings_of",
    "plan_after_completion",
    "plan_before_edits",
    "plan_due_rules",
    "plan_entities",
    "plan_rule",
    "policies_of",
    "recurrence_of",
    "replan_edited",
    "replan_entities",
    "replan_rule",
    "retire_ended",
    "stored_zones",
    "subdivisions_of",
    "together",
    "unsent_by_release",
]
