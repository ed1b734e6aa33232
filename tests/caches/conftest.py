"""Seven shared caches as their makers wrote them, each between a test and an application with our middleware."""

from __future__ import annotations

import http.client
import os
import pwd
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict

import pytest
from starlette.types import Receive, Scope, Send
from tests.conftest import Program, Serve, free_port

from footfall import Config, Site
from footfall.asgi import TrackingMiddleware
from footfall.consent import always_granted
from footfall.delivery import Delivery

HOST: Final = "www.shop.example"
#: What a browser says of a page that a person opened.
VISIT: Final = {
    "Host": HOST,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "Accept": "text/html,application/xhtml+xml",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: str

    @property
    def cookies(self) -> dict[str, str]:
        """What it sets, by name."""
        lines = [value.partition(";")[0].partition("=") for name, value in self.headers if name.lower() == "set-cookie"]
        return {name: value for name, _, value in lines}

    @property
    def ids(self) -> set[str]:
        """Every id of a visitor in it: set, or shown on the page."""
        return {self.cookies[name] for name in ("rsa", "rsaSession") if name in self.cookies} | set(
            self.body.partition("visitor ")[2].split()
        )


@dataclass
class Origin:
    """An application whose pages have the headers that a test gives them; below /bare/ it is without ours."""

    pages: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    served: Counter[str] = field(default_factory=Counter)
    port: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        self.served[path] += 1
        headers = [(name.lower().encode(), value.encode()) for name, value in self.pages.get(path, [])]
        body = b"served %d times" % self.served[path]
        if path.startswith("/reads/"):
            tracking = scope["state"]["tracking"]
            body += b", visitor %s" % (tracking.device_id or "").encode()
        status = 200
        if any(name == b"if-none-match" for name, _ in scope["headers"]):
            status, body = 304, b""
        else:
            headers += [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="session")
def origin(serve: Serve) -> Iterator[Origin]:
    origin = Origin()
    delivery = Delivery(spool="memory:")
    site = Site(Config(consent=always_granted, secret_keys=("a key of thirty-two letters, say",)), delivery=delivery)
    ours = TrackingMiddleware(origin, site)

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        await (origin if scope["path"].startswith("/bare/") else ours)(scope, receive, send)

    with serve(either) as origin.port:
        yield origin
    delivery.close(0.5)


@dataclass(frozen=True)
class Cache:
    """One cache at work."""

    name: str
    port: int

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask it for a page, as a browser would."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={**VISIT, **(headers or {})})
            reply = connection.getresponse()
            return Answer(reply.status, reply.getheaders(), reply.read().decode())
        finally:
            connection.close()


@dataclass(frozen=True)
class Recipe:
    """How one cache is run: Debian's name of its package, its arguments and its configuration."""

    program: str
    package: str
    arguments: str
    configuration: str = ""


NGINX: Final = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_set_header Host $http_host;
      proxy_cache pages;
      EXTRA
    }}
  }}
}}
"""
HAPROXY: Final = """\
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
cache pages
  total-max-size 4
  max-age 60
frontend public
  bind 127.0.0.1:{port}
  http-request cache-use pages
  http-response cache-store pages
  default_backend shop
backend shop
  server shop 127.0.0.1:{origin}
"""
SQUID: Final = """\
http_port 127.0.0.1:{port} accel defaultsite=www.shop.example no-vhost
cache_peer 127.0.0.1 parent {origin} 0 no-query originserver
http_access allow all
cache_mem 16 MB
access_log none
cache_log stdio:{folder}/cache.log
pid_filename none
pinger_enable off
coredump_dir {folder}
shutdown_lifetime 0 seconds
"""
APACHE: Final = """\
ServerRoot {folder}
ServerName www.shop.example
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
Mutex file:{folder}
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule cache_module /usr/lib/apache2/modules/mod_cache.so
LoadModule cache_disk_module /usr/lib/apache2/modules/mod_cache_disk.so
StartServers 1
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{origin}/
CacheRoot {folder}/cache
CacheEnable disk /
"""
RECIPES: Final = {
    "nginx": Recipe("nginx", "nginx", "-c {conf} -p {folder} -e stderr", NGINX.replace("EXTRA", "")),
    "nginx, proxy_cache_valid": Recipe(
        "nginx", "nginx", "-c {conf} -p {folder} -e stderr", NGINX.replace("EXTRA", "proxy_cache_valid 60s;")
    ),
    "nginx, ignoring Set-Cookie": Recipe(
        "nginx",
        "nginx",
        "-c {conf} -p {folder} -e stderr",
        NGINX.replace("EXTRA", "proxy_cache_valid 60s; proxy_ignore_headers Set-Cookie;"),
    ),
    "varnish": Recipe(
        "varnishd", "varnish", "-F -n {folder}/varnish -a 127.0.0.1:{port} -b 127.0.0.1:{origin} -s malloc,32m"
    ),
    "haproxy": Recipe("haproxy", "haproxy", "-db -f {conf}", HAPROXY),
    "squid": Recipe("squid", "squid", "-N -f {conf}", SQUID),
    "apache": Recipe("apache2", "apache2-bin", "-f {conf} -DFOREGROUND", APACHE),
}


@pytest.fixture(scope="module", params=list(RECIPES))
def cache(
    request: pytest.FixtureRequest, program: Program, origin: Origin, wait_until: Callable[[Callable[[], object]], bool]
) -> Iterator[Cache]:
    """Run one cache, in a folder of its own and as nobody, until its tests are done."""
    recipe = RECIPES[request.param]
    path = program(recipe.program, recipe.package)
    with own_folder() as folder:
        cache = Cache(request.param, free_port())
        values = {"folder": folder, "conf": folder / "conf", "port": cache.port, "origin": origin.port}
        (folder / "conf").write_text(recipe.configuration.format_map(values))
        with (folder / "log").open("ab") as log:
            running = subprocess.Popen(
                [path, *recipe.arguments.format_map(values).split()],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **unprivileged(),
            )
        try:
            up = wait_until(lambda: running.poll() is not None or answers(cache))
            if not up or running.returncode is not None:
                pytest.fail(f"{cache.name} did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
            yield cache
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(10)


class Account(TypedDict):
    user: int
    group: int


def unprivileged() -> Account:
    """Drop a superuser's rights: some caches refuse to run with them, and none needs them."""
    if os.geteuid() != 0:
        return {"user": os.geteuid(), "group": os.getegid()}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that nobody may enter, too: pytest's own lie below one that is its user's alone."""
    with tempfile.TemporaryDirectory(prefix="footfall-cache-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "cache").mkdir()
        (folder / "log").touch()
        account = unprivileged()
        for one in (folder, *folder.iterdir()):
            os.chown(one, account["user"], account["group"])
        yield folder


def answers(cache: Cache) -> bool:
    try:
        return cache.get("/bare/ready").status == 200
    except (OSError, http.client.HTTPException):
        return False
