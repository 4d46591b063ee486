"""One function a page: read the form, one operation, and on to the next page."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from events import clock, operations, queries
from events.accounts.forms import AccountForm, KeyForm, LoginForm, RegistrationForm, tell
from events.addresses import address_of
from events.errors import PunctualError
from events.models import ApiKey
from events.operations import InvalidInput
from events.timing import canonical_zones
from events.transitions import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms
    from django.http import HttpRequest, HttpResponse

    Page = Callable[..., HttpResponse]

HOME = "accounts:home"
PASSWORD_ENGINE = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 - the name of a class


def of_an_account(page: Page) -> Page:
    """The page is for whoever is logged in, with the account as its argument; nothing of it is kept by a browser."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        return page(request, request.user, *args, **kwargs)

    return never_cache(login_required(guarded, login_url="accounts:login"))


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Name and password; attempts are counted, as the API counts them."""
    form = LoginForm(request.POST or None)
    if form.is_valid():
        try:
            user = operations.log_in(**form.cleaned_data, address=address_of(request))
        except PunctualError as refused:
            form.add_error(None, str(refused))
        else:
            auth.login(request, user, backend=PASSWORD_ENGINE)
            return redirect(_next(request))
    return _page(request, "login", form=form)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Until the next time."""
    auth.logout(request)
    return redirect("accounts:login")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """A new account with its own person, where the operators allow that."""
    if not settings.PUNCTUAL_REGISTRATION_OPEN:
        return _page(request, "closed", status=403)
    form = RegistrationForm(request.POST or None)
    if form.is_valid():
        name = form.cleaned_data["username"]
        try:
            operations.count_attempt(address=address_of(request))
            user = operations.register(**form.cleaned_data, origin=_origin(name))
        except InvalidInput as refused:
            tell(form, refused)
        except PunctualError as refused:
            form.add_error(None, str(refused))
        else:
            auth.login(request, user, backend=PASSWORD_ENGINE)
            return redirect(HOME)
    return _page(request, "register", form=form)


@of_an_account
@require_http_methods(["GET", "POST"])
def home(request: HttpRequest, user: User) -> HttpResponse:
    """Where the account lives, and its keys."""
    known = {"email": user.email, "timezone": operations.zone_of_account(user)}
    form = AccountForm(request.POST or None, initial=known)
    change = partial(operations.change_account, user, origin=_origin(user.get_username()))
    if _done(form, change):
        messages.success(request, "Saved. What is planned for you follows.")
        return redirect(HOME)
    return _page(request, "home", form=form, key_form=KeyForm(), keys=_keys(user))


@of_an_account
@require_POST
def make_key(request: HttpRequest, user: User) -> HttpResponse:
    """A new key, shown this one time."""
    form, made = KeyForm(request.POST), []
    fastest = settings.PUNCTUAL_API_PER_MINUTE
    make = partial(
        operations.make_key, user, rate=fastest, fastest=fastest, origin=_origin(user.get_username())
    )
    if _done(form, lambda **given: made.append(make(**given))):
        key, text = made[0]
        return _page(request, "key", key=key, text=text)
    account = AccountForm(initial={"email": user.email, "timezone": operations.zone_of_account(user)})
    return _page(request, "home", form=account, key_form=form, keys=_keys(user), status=400)


@of_an_account
@require_POST
def revoke_key(request: HttpRequest, user: User, key_id: int) -> HttpResponse:
    """Let nobody use a key any more."""
    key = queries.owned_one(ApiKey, user.pk, pk=key_id)
    if key is None:
        raise Http404
    operations.revoke_key(key, origin=_origin(user.get_username()))
    messages.success(request, f"Nobody can use {key} any more.")
    return redirect(HOME)


def _done(form: forms.Form, do: Callable[..., object]) -> bool:
    """Whether the form was filled in and what it says was done; if not, it says why."""
    if not form.is_valid():
        return False
    try:
        do(**form.cleaned_data)
    except InvalidInput as refused:
        tell(form, refused)
    return not form.errors


def _keys(user: User) -> list[ApiKey]:
    return list(queries.owned(ApiKey, user.pk).order_by("revoked_at", "-id"))


def _origin(username: str) -> Origin:
    return Origin(f"user:{username}", uuid4(), clock.now())


def _next(request: HttpRequest) -> str:
    """Where somebody was going who had to log in first; never to another site."""
    wanted = request.GET.get("next", "")
    here = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=here, require_https=request.is_secure())
    return wanted if safe else reverse(HOME)


def _page(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"zones": canonical_zones(), "is_open": settings.PUNCTUAL_REGISTRATION_OPEN}
    return render(request, f"accounts/{name}.html", context, status=status)
