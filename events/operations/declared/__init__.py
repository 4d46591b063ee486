"""Configuration as code: calendars and rules as files declare them, what making it so would do, and doing it.

Files are read by the edge into texts, lists and mappings with their lines (`given`); what their keys mean is derived
from the models' columns (`columns`). What a file leaves out has its default, but for whether a rule is paused.
"""

from events.operations.declared.files import VERSION, read_files
from events.operations.declared.given import (
    NOTHING,
    Fault,
    Fields,
    File,
    Given,
    InvalidDeclared,
    Items,
    Place,
    Text,
)
from events.operations.declared.json_values import NUMBER, TRUTHS
from events.operations.declared.kinds import Declared
from events.operations.declared.plans import Change, Plan, Step, foresee, make_so
from events.operations.declared.written import written

__all__ = [
    "NOTHING",
    "NUMBER",
    "TRUTHS",
    "VERSION",
    "Change",
    "Declared",
    "Fault",
    "Fields",
    "File",
    "Given",
    "InvalidDeclared",
    "Items",
    "Place",
    "Plan",
    "Step",
    "Text",
    "foresee",
    "make_so",
    "read_files",
    "written",
]
