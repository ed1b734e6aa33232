"""Which site, spool and trackers a command works on: those of your site, or those that its options name."""

from __future__ import annotations

import argparse
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footfall.delivery.addresses import check_engine, is_engine
from footfall.delivery.settings import journal_folder, spool_path
from footfall.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footfall.site import Site
    from footfall.trackers import Tracker

__all__ = [
    "DEFAULT_SPOOL",
    "KNOWN",
    "add_tracker_options",
    "choose_trackers",
    "find_places",
    "find_spool",
    "load_site",
    "make_tracker",
]

KNOWN = ("raptor", "raptor-stream", "yoochoose", "ibexa")
DEFAULT_SPOOL = "sqlite:///footfall.sqlite3"
_NAME = r"[^\W\d]\w*"
_SITE = re.compile(rf"{_NAME}(\.{_NAME})*[:.]{_NAME}(\.{_NAME})*")
_SETTINGS = "DJANGO_SETTINGS_MODULE"
_KEY = "FOOTFALL_LICENCE_KEY"


def add_tracker_options(parser: argparse.ArgumentParser) -> None:
    """Add the options from which a tracker is made, where no site has one."""
    group = parser.add_argument_group("tracker")
    group.add_argument("--customer-id", metavar="ID", help="as in the tracker's control panel")
    group.add_argument(
        "--base-url", metavar="URL", help="another address, such as http://127.0.0.1:8100 of `footfall tracker`"
    )
    group.add_argument(
        "--licence-key",
        default=os.environ.get(_KEY) or None,
        metavar="KEY",
        help=f"YOOCHOOSE: signs buys that carry their time; better set in the environment, as {_KEY}",
    )
    group.add_argument("--text-item-ids", action="store_true", help="YOOCHOOSE: allow item ids that are not numbers")
    group.add_argument("--max-item-type", type=int, metavar="N", help="YOOCHOOSE: the highest item type (default: 5)")


def make_tracker(kind: str, options: argparse.Namespace, *, default_customer_id: str | None = None) -> Tracker:
    """Make one of the trackers that come with the package.

    Args:
        kind: One of `KNOWN`.
        options: As `add_tracker_options` has them.
        default_customer_id: Used when nothing will be sent and no id was given.

    Raises:
        ConfigError: A setting is wrong or missing, or the tracker has no such setting. It names field, finding and
            remedy.
    """
    from footfall.trackers import Raptor, Yoochoose

    if kind not in KNOWN:
        raise ConfigError(f"tracker: {kind!r} is unknown; write one of {', '.join(KNOWN)}, or name a site with its own")
    customer_id: str | None = options.customer_id or default_customer_id
    if customer_id is None:
        raise ConfigError("customer-id: is missing; copy it from the tracker's control panel: --customer-id 12345")
    given: dict[str, Any] = {} if options.base_url is None else {"base_url": options.base_url}
    if kind.startswith("raptor"):
        if options.text_item_ids or options.max_item_type is not None:
            raise ConfigError(f"tracker: {kind} has no --text-item-ids or --max-item-type; leave them out")
        return Raptor(customer_id, offline_orders=kind == "raptor-stream", **given)
    if options.max_item_type is not None:
        given["max_item_type"] = options.max_item_type
    make = Yoochoose.ibexa if kind == "ibexa" else Yoochoose
    return make(customer_id, licence_key=options.licence_key, text_item_ids=options.text_item_ids, **given)


def choose_trackers(site: Site, name: str | None) -> Sequence[Tracker]:
    """Return the site's tracker of that name, or all its trackers.

    Raises:
        ConfigError: The site has none.
    """
    found = [tracker for tracker in site.trackers if name is None or tracker.name == name]
    if not found:
        names = ", ".join(tracker.name for tracker in site.trackers) or "it has none"
        raise ConfigError(f"tracker: the site has none named {name!r}; write one that it has: {names}")
    return found


def load_site(path: str) -> Site:
    """Import a site by its place: ``shop.tracking:site`` or ``shop.tracking.site``.

    The working directory is searched too. Where ``DJANGO_SETTINGS_MODULE`` is set, Django is set up first, because
    a site may import the shop's models.

    Raises:
        ConfigError: There is no such module, or no site in it, or Django cannot be set up.
    """
    from footfall.site import Site

    place = _SITE.fullmatch(path)
    if place is None or path.endswith(".py"):
        what = "a file's path" if "/" in path or os.sep in path or path.endswith(".py") else "no place"
        raise ConfigError(f"site: {path!r} is {what}; write module and name, as in shop.tracking:site")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    _set_up_django()
    module, attribute = path.split(":") if ":" in path else path.rsplit(".", 1)
    found: object = _import_module(module, path)
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Site):
        kind = "missing" if found is None else f"a {type(found).__name__}"
        raise ConfigError(f"site: {path!r} is {kind}, no Site; write where a Site stands, as in shop.tracking:site")
    return found


def _import_module(module: str, path: str) -> object:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # an import inside the site failed: the traceback says where
        holder, _, attribute = module.rpartition(".")
        if ":" not in path and holder and error.name == module and hasattr(inner := import_module(holder), attribute):
            return getattr(inner, attribute)  # shop.tracking.sites.main: sites is an object, not a module
        raise ConfigError(
            f"site: there is no module {module!r}; write one that is on PYTHONPATH or in this folder"
        ) from None


def _set_up_django() -> None:
    if not os.environ.get(_SETTINGS):
        return
    try:
        import django
        from django.core.exceptions import ImproperlyConfigured
    except ImportError:  # set for another program
        return
    try:
        django.setup()
    except (ImportError, ImproperlyConfigured) as error:
        raise ConfigError(
            f"site: {_SETTINGS} is {os.environ[_SETTINGS]!r}, with which Django cannot be set up ({error}); correct it,"
            " or unset it"
        ) from error


def find_places(place: str) -> list[str]:
    """Read which spool or engine is meant; of a site, both that it has: first its spool, if that is here.

    Raises:
        ConfigError: There is no such site.
    """
    if is_engine(place):
        return [check_engine(place)]
    spool, engine = _find(place)
    path = spool_path(spool) if engine is not None else None
    here = engine is None or (path is not None and (path.exists() or journal_folder(path).exists()))
    return ([spool] if here else []) + ([] if engine is None else [engine])


def find_spool(place: str) -> str:
    """Read where a spool is: ``sqlite:///...``, a file's path, or a site's place, as `load_site` takes it.

    Raises:
        ConfigError: There is no such site.
    """
    return _find(place)[0]


def _find(place: str) -> tuple[str, str | None]:
    if place.startswith("sqlite:") or place == "memory:":
        return place, None
    # A file's name has a dot too: without a colon it is a site where the module is there, and the file is not.
    if _SITE.fullmatch(place) and (":" in place or not Path(place).exists()):
        try:
            settings = load_site(place).delivery.settings
        except ConfigError:
            if ":" in place:
                raise
        else:
            return "memory:" if settings.path is None else f"sqlite:///{settings.path}", settings.engine
    return f"sqlite:///{place}", None
