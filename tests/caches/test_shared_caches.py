"""No shared cache ever hands one visitor's id to another (D-06).

Each test below is a few visitors who ask one real cache for one page. The caches are those that a site may have in
front of it without a thought for cookies: nginx's ``proxy_cache`` with its defaults, with ``proxy_cache_valid``, and
told to ignore ``Set-Cookie``; Varnish with its built-in VCL; HAProxy's ``cache``; Squid as an accelerator; Apache's
``mod_cache``.

Not here, because nothing that a response says can help:

- Caches told to ignore ``Cache-Control`` too. Measured, they replay one visitor's cookies to all: nginx with
  ``proxy_ignore_headers Cache-Control Expires Set-Cookie``; Varnish with a VCL that drops ``Cookie``, sets a ``ttl``
  and delivers. Who configures one must drop ``Set-Cookie`` from what it stores.
- A page marked ``public`` whose view writes ``tracking.device_id`` into its text. It gets no cookie and
  ``Vary: Cookie``, so nobody sees an id that a browser holds; but all who bring no cookie are shown the same one,
  which no browser ever gets.

CDNs that understand a targeted field (RFC 9213) cannot be run here; that we drop those is tested without a cache.
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.caches.conftest import Cache, Origin

LATER = "Thu, 31 Dec 2037 23:55:55 GMT"
EARLIER = "Thu, 01 Jan 2015 00:00:00 GMT"

#: What an application says of a page that is not marked for shared caches: every visitor gets ids with it.
UNMARKED: dict[str, list[tuple[str, str]]] = {
    "nothing": [],
    "Last-Modified": [("Last-Modified", EARLIER)],
    "ETag": [("ETag", '"1"')],
    "Expires": [("Expires", LATER)],
    "Expires, Last-Modified": [("Expires", LATER), ("Last-Modified", EARLIER)],
    "max-age": [("Cache-Control", "max-age=60")],
    "Max-Age": [("cache-CONTROL", "Max-Age=60")],
    "max-age, immutable": [("Cache-Control", "max-age=60, immutable")],
    "max-age, must-revalidate": [("Cache-Control", "max-age=60, must-revalidate")],
    "max-age, stale-while-revalidate": [("Cache-Control", "max-age=60, stale-while-revalidate=60")],
    "max-age, Vary: Cookie": [("Cache-Control", "max-age=60"), ("Vary", "Cookie")],
    "max-age, Vary: Accept-Encoding": [("Cache-Control", "max-age=60"), ("Vary", "Accept-Encoding")],
    "Vary: *": [("Cache-Control", "max-age=60"), ("Vary", "*")],
    "private": [("Cache-Control", "private")],
    "private, max-age": [("Cache-Control", "private, max-age=60")],
    "private, s-maxage": [("Cache-Control", "private, s-maxage=60")],
    "private, Expires": [("Cache-Control", "private"), ("Expires", LATER)],
    "private, Last-Modified": [("Cache-Control", "private"), ("Last-Modified", EARLIER)],
    "Private": [("Cache-Control", "Private, max-age=60")],
    'private="Set-Cookie"': [("Cache-Control", 'private="Set-Cookie", max-age=60')],
    'no-cache="Set-Cookie"': [("Cache-Control", 'no-cache="Set-Cookie", max-age=60')],
    "no-cache": [("Cache-Control", "no-cache, max-age=60")],
    "no-store": [("Cache-Control", "no-store, max-age=60")],
    "public and private": [("Cache-Control", "public, max-age=60"), ("Cache-Control", "private")],
    "X-Accel-Expires: 0": [("Cache-Control", "max-age=60"), ("X-Accel-Expires", "0")],
    "CDN-Cache-Control: no-store": [("Cache-Control", "max-age=60"), ("CDN-Cache-Control", "no-store")],
}
#: What it says of one that is: nobody gets ids with it.
SHARED: dict[str, list[tuple[str, str]]] = {
    "public": [("Cache-Control", "public")],
    "public, max-age": [("Cache-Control", "public, max-age=60")],
    "PUBLIC": [("cache-control", "PUBLIC, max-age=60")],
    "public, Last-Modified": [("Cache-Control", "public"), ("Last-Modified", EARLIER)],
    "public, Expires": [("Cache-Control", "public"), ("Expires", LATER)],
    "s-maxage": [("Cache-Control", "s-maxage=60")],
    "two lines": [("Cache-Control", "public"), ("Cache-Control", "max-age=60")],
    "public, Vary: Cookie": [("Cache-Control", "public, max-age=60"), ("Vary", "Cookie")],
    "public, immutable": [("Cache-Control", "public, max-age=60, immutable")],
    'public, private="Set-Cookie"': [("Cache-Control", 'public, private="Set-Cookie", max-age=60')],
    "X-Accel-Expires": [("X-Accel-Expires", "60")],
    "max-age, X-Accel-Expires": [("Cache-Control", "max-age=60"), ("X-Accel-Expires", "60")],
    "CDN-Cache-Control": [("Cache-Control", "max-age=60"), ("CDN-Cache-Control", "max-age=60")],
    "Surrogate-Control": [("Cache-Control", "max-age=60"), ("Surrogate-Control", "max-age=60")],
}
#: What every cache here stores when ours is not in front of the application.
STORED = ["public, max-age", "s-maxage"]


def visit_four_times(cache: Cache, path: str) -> tuple[list[set[str]], set[str]]:
    """Ask for a page without cookies twice, with, and without; returns the ids that came, and those that were sent."""
    device, session = str(uuid4()), str(uuid4())
    known = {"Cookie": f"rsa={device}; rsaSession={session}; rsaSessionOpen=1"}
    return [cache.get(path, headers).ids for headers in ({}, {}, known, {})], {device, session}


@pytest.mark.parametrize("view", ["quiet", "reads"])
@pytest.mark.parametrize("marks", UNMARKED)
def test_every_visitor_of_an_unmarked_page_gets_ids_of_their_own(
    cache: Cache, origin: Origin, marks: str, view: str
) -> None:
    """D-06, R-20."""
    path = f"/{view}/{uuid4()}"
    origin.pages[path] = UNMARKED[marks]
    (first, second, third, fourth), known = visit_four_times(cache, path)
    assert third == known
    assert len(first | second | fourth | known) == 8


@pytest.mark.parametrize("marks", SHARED)
def test_a_page_marked_for_shared_caches_carries_nobodys_id(cache: Cache, origin: Origin, marks: str) -> None:
    """D-06."""
    path = f"/quiet/{uuid4()}"
    origin.pages[path] = SHARED[marks]
    assert visit_four_times(cache, path)[0] == [set(), set(), set(), set()]


@pytest.mark.parametrize("marks", SHARED)
def test_an_id_that_a_shared_page_shows_is_seen_by_its_visitor_alone(cache: Cache, origin: Origin, marks: str) -> None:
    """D-06."""
    path = f"/reads/{uuid4()}"
    origin.pages[path] = SHARED[marks]
    (first, second, third, fourth), known = visit_four_times(cache, path)
    assert third <= known
    assert not (first | second | fourth) & known


@pytest.mark.parametrize("marks", STORED)
@pytest.mark.parametrize("door", ["bare", "quiet"])
def test_a_page_for_shared_caches_is_stored_with_ours_as_without(
    cache: Cache, origin: Origin, marks: str, door: str
) -> None:
    path = f"/{door}/{uuid4()}"
    origin.pages[path] = SHARED[marks]
    assert [cache.get(path).body for _ in range(3)] == ["served 1 times"] * 3


def test_a_revalidation_replays_nobodys_cookie(cache: Cache, origin: Origin) -> None:
    """D-06: a cache folds a 304's headers into what it has stored, and what a crawler fetched may be stored."""
    path = f"/quiet/{uuid4()}"
    origin.pages[path] = [("Cache-Control", "max-age=60"), ("ETag", '"1"')]
    cache.get(path, {"User-Agent": "Googlebot/2.1"})
    answers = [cache.get(path, {"Cache-Control": "max-age=0"}) for _ in range(2)] + [cache.get(path) for _ in range(2)]
    given = [answer.ids for answer in answers]
    assert len(set().union(*given)) == sum(map(len, given))
