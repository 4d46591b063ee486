"""What every command shares: who asks, where, in which zone, and how it answers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from punctual_cli.errors import WrongUsage
from punctual_cli.output import Output, say
from punctual_cli.patience import patience_seconds
from punctual_cli.problems import NotLoggedIn
from punctual_cli.profiles import (
    USUAL,
    Profile,
    configuration_path,
    read_profiles,
    with_environment,
    write_profiles,
)
from punctual_cli.server import Server
from punctual_cli.zones import machines_zone, named_zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Shared:
    """The options that every command has."""

    as_json: bool = False
    profile: str = ""
    zone: str = ""


class Session:
    """One run of one command. What it needs is read when it is first needed."""

    def __init__(self, shared: Shared) -> None:
        self.out = Output(as_json=shared.as_json)
        self.profile_name = shared.profile or os.environ.get("PUNCTUAL_PROFILE", "") or USUAL
        self._zone_given = shared.zone
        self._servers: list[Server] = []

    @cached_property
    def kept(self) -> Profile:
        """The profile as the file has it; an empty one where it has none. Raises OpenToOthers and the like."""
        return read_profiles(configuration_path(os.environ)).get(self.profile_name, Profile())

    @cached_property
    def profile(self) -> Profile:
        """The profile, with what the environment says instead."""
        return with_environment(self.kept, os.environ)

    @cached_property
    def server(self) -> Server:
        """The API, called as this person. Raises NotLoggedIn."""
        profile = self.profile
        if not profile.url:
            raise NotLoggedIn(sentence=f"The profile {self.profile_name!r} knows no server.")
        if not profile.key:
            raise NotLoggedIn(sentence=f"There is no key to {profile.url}.")
        return self.server_at(profile.url, profile.key)

    def server_at(self, url: str, key: str = "") -> Server:
        """Return the API of a server, called with a key or, to get one, without."""
        if not url.startswith(("https://", "http://")):
            remedy = "Give an address such as https://punctual.example.com"
            raise WrongUsage(problem=f"{url!r} is no address of a server", remedy=remedy)
        server = Server(url, key, patience=patience_seconds(os.environ), tell=say)
        self._servers.append(server)
        return server

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which times are meant and shown: as asked, else as configured, else this machine's."""
        if self._zone_given:
            return named_zone(self._zone_given, source="--zone")
        if name := os.environ.get("PUNCTUAL_ZONE", ""):
            return named_zone(name, source="PUNCTUAL_ZONE")
        if name := self.kept.timezone:
            return named_zone(name, source=f"timezone of profile {self.profile_name!r}")
        found = machines_zone(os.environ)
        if found.remark:
            self.out.note(found.remark)
        return found.zone

    def keep(self, profile: Profile) -> None:
        """Write the profile into the file, in place of what was there."""
        path = configuration_path(os.environ)
        write_profiles(path, {**read_profiles(path), self.profile_name: profile})

    def forget_key(self) -> None:
        """Take the key out of the file; the server's address stays."""
        self.keep(replace(self.kept, key="", key_id=0))

    def close(self) -> None:
        """Let go of all connections."""
        for server in self._servers:
            server.close()
