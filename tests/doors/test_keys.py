"""Keys in a Django project: whatever process opens what a page sealed, a Celery worker above all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doors.project import INSTALL, SITE, Project, make_project

from footfall.delivery import spool_status

VIEWS = """
from django.http import HttpResponse
from django.urls import path
from shop.tasks import paid

def buy(request):
    token = request.state.tracking.snapshot()
    paid.delay(token)
    return HttpResponse(token)

urlpatterns = [path("buy", buy)]
"""
TASKS = """
from celery import shared_task
from footfall import Money
from footfall.events import Buy
from shop.tracking import site

@shared_task
def paid(token):
    site.resume(token).emit(Buy("3298", price=Money("19.99", "EUR"), order_id="A-1"))
"""
#: As Celery's own first steps with Django have it; the broker is a folder.
CELERY = """
import os
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["shop"])
"""
BROKER = """
CELERY_BROKER_URL = "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": BASE_DIR / "queue", "data_folder_out": BASE_DIR / "queue", "control_folder": BASE_DIR / "control",
}
"""
BUY = """
import django; django.setup()
from django.test import Client
headers = {"accept": "text/html", "user-agent": "Firefox"}
client = Client(headers=headers, SERVER_NAME="localhost")
client.get("/buy", secure=True)
print(client.get("/buy", secure=True).content.decode())
"""
LOCAL = SITE.replace('Raptor("12345"), Yoochoose("00000")', 'Raptor("12345", base_url="http://127.0.0.1:9")')
DEFAULT = "consent=always_granted"


def buy(project: Project, **env: str) -> str:
    """Have a page make a snapshot, and return it."""
    return project.run("-c", BUY, check=True, DJANGO_SETTINGS_MODULE="shop.settings", **env).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path, INSTALL + BROKER, config=DEFAULT, tracking=LOCAL)
    for name, text in {"urls.py": VIEWS, "tasks.py": TASKS, "celery.py": CELERY}.items():
        project.write(name, text)
    project.write("__init__.py", "from shop.celery import app as celery_app\n")
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir()
    return project


def test_a_celery_worker_reports_the_purchase_of_a_page(
    project: Project, wait_until: Callable[[Callable[[], object]], bool]
) -> None:
    """The default project: no secret_keys, only Django's SECRET_KEY."""
    buy(project)
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    url = f"sqlite:///{project.folder}/footfall.sqlite3"
    with subprocess.Popen(command, cwd=project.folder, env=env, stderr=subprocess.PIPE, text=True) as worker:
        try:
            spool = project.folder / "footfall.sqlite3"
            # The page's request emitted nothing: what is accepted is the task's, of two visits.
            arrived = wait_until(lambda: spool.exists() and spool_status(url).stats.accepted == 2)
        finally:
            worker.kill()
            complaints = worker.communicate(timeout=30)[1]
    assert arrived, complaints


RESUME = "from shop.tracking import site; import sys; print('valid', site.resume(sys.argv[1]).valid)"
OPEN = f"import django; django.setup(); {RESUME}"


def is_open(project: Project, token: str, code: str = OPEN) -> str:
    done = project.run("-c", code, token, DJANGO_SETTINGS_MODULE="shop.settings")
    return done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]


def test_a_process_of_django_opens_what_a_page_sealed_and_another_is_told_why_not(project: Project) -> None:
    token = buy(project)
    assert is_open(project, token) == "valid True"
    without_django = is_open(project, token, RESUME)
    assert "resume() needs secret_keys" in without_django
    assert "'footfall.django' in INSTALLED_APPS" in without_django


def test_djangos_former_keys_and_bytes_open_what_they_sealed(project: Project) -> None:
    token = buy(project)
    settings = project.folder / "shop" / "settings.py"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"{text}\nSECRET_KEY_FALLBACKS = [SECRET_KEY.encode()]\nSECRET_KEY = b'the key of this year'\n")
    assert is_open(project, token) == "valid True"
    settings.write_text(f"{text}\nSECRET_KEY = 'the key of this year'\n")
    assert is_open(project, token) == "valid False"


def test_an_empty_key_of_django_is_no_error_where_the_site_has_its_own(project: Project) -> None:
    settings = project.folder / "shop" / "settings.py"
    with settings.open("a", encoding="utf-8") as file:
        file.write("\nSECRET_KEY = ''\n")
    own = LOCAL.replace("{config}", f"{DEFAULT}, secret_keys=('a key of thirty-two letters, say',)")
    project.write("tracking.py", own)
    code = "from shop.wsgi import application; print('served')"
    assert project.run("-c", code).stdout == "served\n"
