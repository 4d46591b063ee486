"""Where the web process answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from events import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("account/", include("events.accounts.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
