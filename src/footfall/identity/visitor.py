"""Whose an event is: the ids that a tracker may be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Visitor"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Visitor:
    """Who did what an event reports, with ids named as in the two trackers' documents.

    An id is ``None`` while it is unknown, and never empty. Each was checked when it was read.
    """

    device_id: str | None = None  #: one browser; Raptor's ``coid``
    session_id: str | None = None  #: one visit; Raptor's ``sid``
    ruid: str | None = None  #: the person as the site knows them, by address for example, in clear text
    reaid: str | None = None  #: the tracker's token for an address
    xuid: str | None = None  #: the other mail system's token; never beside ruid and reaid
    user_id: str | None = None  #: who is logged in
    anonymous_id: str | None = None  #: what stands for the person while nobody is logged in
    anonymous_user: str = "not_defined"  #: what a tracker that requires a user gets when there is none at all
    page_url: str | None = None  #: where it happened, for trackers that are told

    def __repr__(self) -> str:
        """Say which ids are known, but not their values: a repr may end up in a log."""
        known = [name for name in self.__slots__ if name.endswith("id") and getattr(self, name) is not None]
        return f"<Visitor with {', '.join(known) or 'no id'}>"
