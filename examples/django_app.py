"""Django in one file: a page that reports a click. Start the tracker, then the shop, and open http://127.0.0.1:8000/shirt.

footfall tracker
gunicorn django_app:application
uvicorn django_app:asgi_application
"""

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from footfall import Config, Site
from footfall.consent import always_granted
from footfall.django import TrackedRequest
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")  # the local tracker, which stands in for both

site = Site(
    Config(consent=always_granted),  # a real shop asks: consent=onetrust("C0004")
    trackers=[Raptor("12345", base_url=TRACKER), Yoochoose("00000", base_url=TRACKER)],
)
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost", ".shop.example"],
    FOOTFALL_SITE=f"{__name__}.site",
    INSTALLED_APPS=["footfall.django"],
    MIDDLEWARE=["footfall.django.TrackingMiddleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="write your own: it also seals the cookie of who a visitor is",
)
django.setup()


def shirt(request: TrackedRequest) -> HttpResponse:
    request.state.tracking.emit(Click(item="3298"))
    return HttpResponse("A shirt")


urlpatterns = [path("shirt", shirt)]
application = get_wsgi_application()
asgi_application = get_asgi_application()
