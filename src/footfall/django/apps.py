"""The app ``footfall.django``: its checks in every command, Django's keys in every process."""

from __future__ import annotations

import logging

from django.apps import AppConfig
from django.core import checks

from footfall.django.checks import check_installation
from footfall.django.loading import APP, load_site

__all__ = ["FootfallConfig"]

logger = logging.getLogger("footfall.django")


class FootfallConfig(AppConfig):
    """Registers the system checks, and has the site ready where no middleware is: in Celery, in a command."""

    name = APP
    label = "footfall"  # "django" would be somebody else's
    verbose_name = "footfall"

    def ready(self) -> None:
        """Register the checks and load the site."""
        checks.register(check_installation)
        try:
            load_site()
        except Exception as error:  # noqa: BLE001 - the check tells of it; raised here, it would keep it from running
            logger.debug("the site that FOOTFALL_SITE names is not there yet: %s", type(error).__name__)
