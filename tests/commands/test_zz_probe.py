import pytest
from datetime import timedelta, datetime, UTC
from events import operations, clock
from events.models import Occurrence
from events.operations import EntityFacts
from tests.engine.world import World
pytestmark = pytest.mark.django_db
def test_retired(db):
    w=World(datetime(2027,2,28,23,59,30,tzinfo=UTC)); w.person("alice"); r=w.rule()
    operations.retire_rule(r, why="x", origin=w.origin())
    r.refresh_from_db()
    b=operations.backfill(r, after=w.now-timedelta(days=3), before=w.now, origin=w.origin(), dry_run=False)
    print("retired backfill", b, "ran", w.tick(), list(Occurrence.objects.values_list("state","reason")))
def test_nul(db):
    w=World(datetime(2027,2,28,23,59,30,tzinfo=UTC))
    try: operations.put_entities([EntityFacts("person","a","UTC",attributes={"x":"a\x00b"})], origin=w.origin())
    except Exception as e: print("NUL", type(e), e)
def test_surrogate(db):
    w=World(datetime(2027,2,28,23,59,30,tzinfo=UTC))
    try: operations.put_entities([EntityFacts("person","a","UTC",attributes={"x":"\ud800"})], origin=w.origin())
    except Exception as e: print("SURR", type(e), str(e)[:100])
def test_dates(db):
    w=World(datetime(2027,2,28,23,59,30,tzinfo=UTC))
    w.person("bob", birthday="1990-01-01")
    w.person("alice", birthday="31/02/1990")
    print("accepted 31/02/1990")
    r=w.rule(anchor="birthday", rrule="FREQ=YEARLY")
    print(Occurrence.objects.count())
def test_twice(db):
    w=World(datetime(2027,2,28,23,59,30,tzinfo=UTC))
    w.person("alice"); 
    w.rule(name="x")
    try: w.rule(name="x")
    except Exception as e: print("DUP", type(e), e)
