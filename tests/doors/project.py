"""A Django project as ``startproject`` makes it, with footfall installed; driven by processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command

INSTALL = """
INSTALLED_APPS = ["footfall.django", *INSTALLED_APPS]
MIDDLEWARE = ["footfall.django.TrackingMiddleware", *MIDDLEWARE]
FOOTFALL_SITE = "shop.tracking.site"
"""
SITE = """
from footfall import Config, CookieNames, Site
from footfall.consent import always_granted, own_cookie
from footfall.trackers import Raptor, Yoochoose

site = Site(Config({config}), trackers=[Raptor("12345"), Yoochoose("00000")])
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with ``manage.py`` and the package ``shop``."""

    folder: Path

    def run(self, *command: str, check: bool = False, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the project's folder: ``run("manage.py", "check")``."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **env},
            capture_output=True,
            text=True,
            timeout=100,
            check=check,
        )

    def write(self, name: str, text: str) -> None:
        """Write a file of the package ``shop``."""
        (self.folder / "shop" / name).write_text(text, encoding="utf-8")


def make_project(folder: Path, settings: str = INSTALL, *, config: str = "", tracking: str = SITE) -> Project:
    """Start a project, append to its settings, and write ``shop/tracking.py``."""
    call_command("startproject", "shop", str(folder))
    with (folder / "shop" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(settings)
    project = Project(folder)
    project.write("tracking.py", tracking.replace("{config}", config))
    return project
