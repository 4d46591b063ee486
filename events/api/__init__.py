"""The API: one front door for programs, under /api/v1/. Each operation reads, makes one domain call, and answers."""

from django.http import Http404
from ninja import Swagger
from ninja.errors import HttpError, ValidationError

from events.api.callers import Bearer
from events.api.door import through
from events.api.json_io import OrjsonRenderer, StrictParser
from events.api.openapi import PunctualAPI
from events.api.problems import answer
from events.api.routers import ROUTERS

__all__ = ["api", "urls"]

api = PunctualAPI(
    title="Punctual",
    version="1.0.0",
    description="Entities, rules, and what happens when. Each account sees its own alone.",
    urls_namespace="api",
    docs=Swagger(settings={"validatorUrl": None}),  # which would be another server
    auth=Bearer(),
    renderer=OrjsonRenderer(),
    parser=StrictParser(),
)
for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, answer)
api.add_decorator(through, mode="view")
for router in ROUTERS:
    api.add_router("", router)

urls = api.urls
