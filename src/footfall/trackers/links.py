"""The links that come with recommendations: read from a response, and sent as they came, only to their tracker."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from footfall.errors import EventError
from footfall.events import Item, RecommendationLink
from footfall.trackers.settings import Origin

__all__ = ["Recommendation", "read_recommendations", "resolve_link"]

# RFC 3986: a network-path reference without user info and fragment.
_parts = re.compile(
    r"//(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+)"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
).fullmatch
_dots = re.compile(r"(?:\.|%2[Ee]){1,2}").fullmatch
_KINDS = ("clickrecommended", "rendered")


def resolve_link(link: str, origin: Origin) -> tuple[str, str]:
    """Give a link of a recommendation response the scheme it lacks; every byte behind it stays as it is.

    Returns:
        The tracker's word for what it reports (``clickrecommended`` or ``rendered``), and the URL.

    Raises:
        EventError: It does not begin with ``//``, leads elsewhere than to *origin*, reports something else, or is no
            URL. A link may have come by way of a browser: a visitor could have written it.

    Source: Tracking API, "Tracking Events based on Recommendations".
    """
    found = _parts(link)
    if not found:
        raise EventError(
            f"link: text of {len(link)} characters is no link of a recommendation response; "
            'pass "//host/..." as it stands there under "links"'
        )
    port = int(found["port"]) if found["port"] else {"http": 80, "https": 443}[origin.scheme]
    if found["host"].lower() != origin.host or port != origin.port:
        raise EventError("link: leads to another host or port than the tracker's base_url; it is not sent there")
    segments = found["path"].split("/")[1:]
    if any(_dots(segment) for segment in segments):
        raise EventError("link: has a segment of dots alone, which would change its path; it is not sent")
    # Responses write //host/rendered/..., or //host/api/customer/rendered/...
    kind = segments[0] if segments[0] in _KINDS else segments[2] if len(segments) > 2 else ""
    if kind not in _KINDS:
        raise EventError('link: reports neither "clickrecommended" nor "rendered"; build another event instead')
    return kind, f"{origin.scheme}:{link}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One recommended item, and the events that report what became of it. Links are absent without a user."""

    item: Item
    clicked: RecommendationLink | None  #: emit it when the visitor follows the recommendation
    rendered: RecommendationLink | None  #: emit it when the recommendation is shown


def read_recommendations(
    response: str | bytes | Mapping[str, object], *, tracker: str | None = None
) -> tuple[Recommendation, ...]:
    """Read the answer of the recommendation service: the items, each with the links that came with it.

    Args:
        response: Its JSON, or that already parsed.
        tracker: The name of the tracker it belongs to, where a site has several that take links.

    Raises:
        EventError: It is no JSON, or has not the form of a recommendation response.

    Source: Tracking API, "Tracking Events based on Recommendations" (whose own sample is not valid JSON).
    """
    if isinstance(response, str | bytes):
        try:
            response = cast("Mapping[str, object]", json.loads(response))
        except (ValueError, RecursionError):
            raise EventError(f"response: {len(response)} characters are no JSON; pass the body as it came") from None
    found = response.get("recommendationItems") if isinstance(response, Mapping) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        raise EventError('response: has no list "recommendationItems"; pass the whole answer of the service')
    return tuple([_read_one(one, tracker) for one in cast("Sequence[object]", found)])


def _read_one(found: object, tracker: str | None) -> Recommendation:
    if not isinstance(found, Mapping):
        raise EventError('response: something in "recommendationItems" is no object')
    one = cast("Mapping[str, object]", found)
    links = one.get("links")
    by_name: Mapping[str, object] = cast("Mapping[str, object]", links) if isinstance(links, Mapping) else {}

    def link(name: str) -> RecommendationLink | None:
        text = by_name.get(name)
        return RecommendationLink(text, tracker=tracker) if isinstance(text, str) and text else None

    item = Item(cast("str | int", one.get("itemId")), type=cast("int", one.get("itemType", 1)))
    if item.finding is not None:
        raise EventError(f'response: something in "recommendationItems" is no item: {item.finding}')
    return Recommendation(
        item=item,
        clicked=link("clickRecommended"),
        rendered=link("rendered"),
    )
