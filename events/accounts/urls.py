"""Where the pages of an account are."""

from django.urls import path

from events.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("register/", views.register, name="register"),
    path("keys/", views.make_key, name="make-key"),
    path("keys/<int:key_id>/revoke/", views.revoke_key, name="revoke-key"),
]
