"""What our posts are measured beside: a Django view that keeps a post as one row, and does nothing else.

Its own settings module is `benchmarks.plain_settings`; served by `gunicorn benchmarks.plain:application`.
"""

from __future__ import annotations

import json
from uuid import uuid4

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

application = get_wsgi_application()


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    """The row's id."""
    from events.models import Entity

    body = json.loads(request.body)
    row = Entity.objects.create(kind="plain", external_id=str(uuid4()), timezone="UTC", attributes=body)
    return JsonResponse({"id": row.pk}, status=201)


urlpatterns = [path("insert", insert)]
