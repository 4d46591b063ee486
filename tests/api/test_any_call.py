"""Whatever is sent to any address of the document, with a key and without: no fault, and answers as documented."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from events.api import api
from events.models import Occurrence
from scheduler_project.wsgi import application
from tests.api.conftest import Account, account

if TYPE_CHECKING:
    from schemathesis import APIOperation, Case

    AnyCase = Case[Any]
    AnyOperation = APIOperation[Any, Any, Any, Any]

# So many calls to each address; `FUZZ_CALLS=1000` for a long run.
CALLS = int(os.environ.get("FUZZ_CALLS", "12"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: Any, value: Any) -> bytes:
    """What is generated is text already, or what cannot be."""
    return (
        value.encode("utf-8", "replace")
        if isinstance(value, str)
        else json.dumps(value, default=str).encode()
    )


BOTH = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
DOCUMENT = schemathesis.openapi.from_dict(api.get_openapi_schema(path_prefix="/api/v1/"))
DOCUMENT.app = application
OPERATIONS = {
    str(operation.definition.raw["operationId"]): operation
    for operation in (found.ok() for found in DOCUMENT.get_all_operations() if isinstance(found, Ok))
}


@pytest.fixture
def alice(committed_db: object) -> Account:
    """She has an entity, a rule and its occurrences."""
    alice = account("alice", rate=1_000_000)
    alice.put("/entities/person/ann", {"timezone": "Europe/Berlin"})
    given = {"name": "tea", "audience_kind": "person", "handler": "log", "phrase": "every day at 16:00"}
    assert alice.post("/rules", given).status_code == 201
    assert alice.post("/account/keys", {"name": "another"}).status_code == 201
    return alice


def real_names(alice: Account) -> dict[str, Any]:
    """Names that paths may have, of what is there."""
    occurrence = Occurrence.objects.latest("id")
    return {
        "kind": "person", "external_id": "ann", "rule_id": occurrence.rule_id, "occurrence_id": occurrence.pk,
        "key_id": alice.user.api_keys.latest("id").pk,
    }  # fmt: skip


def call(case: AnyCase, alice: Account, *, is_real: bool, version: str | None) -> None:
    """Send it, with real names in its path or with those it has, and compare the answer with the document."""
    names = real_names(alice)
    if is_real:
        case.path_parameters = {
            name: names.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
    headers = {"Authorization": f"Bearer {alice.key}"}
    if version:
        headers["If-Match"] = version
    case.validate_response(case.call(headers=headers), checks=CHECKS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_call_is_answered_as_documented(operation: str, alice: Account) -> None:
    found: AnyOperation = OPERATIONS[operation]
    cases = st.one_of(*(found.as_strategy(generation_mode=mode) for mode in BOTH))

    @settings(
        max_examples=CALLS, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_IS_FINE,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=cases, is_real=st.booleans(), version=st.sampled_from([None, '"1"', '"2"', "1"]))
    def send(case: AnyCase, is_real: bool, version: str | None) -> None:
        call(case, alice, is_real=is_real, version=version)

    send()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_call_without_a_key_is_answered_as_documented(operation: str, committed_db: object) -> None:
    found: AnyOperation = OPERATIONS[operation]

    @settings(
        max_examples=3, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW_IS_FINE,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=found.as_strategy(generation_mode=BOTH[0]))
    def send(case: AnyCase) -> None:
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code in {401, 404} or operation in {"account_log_in", "account_register"}

    send()
