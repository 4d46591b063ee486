"""Django's users and groups, in the same clothes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth import admin as theirs
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

if TYPE_CHECKING:
    TheirUserAdmin = theirs.UserAdmin[User]
else:
    TheirUserAdmin = theirs.UserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(TheirUserAdmin, ModelAdmin):
    """Who may log in, and do what."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(theirs.GroupAdmin, ModelAdmin):
    """Permissions that several users share."""
