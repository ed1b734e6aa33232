"""Real browsers, and a shop over https on loopback for them to visit."""

from __future__ import annotations

import datetime as dt
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.browsers.browser import HOSTS, LOCAL_HOSTS, Browser, Certificate
from tests.browsers.remote import Chromium, Firefox
from tests.browsers.shop import Shop, open_shop
from tests.browsers.webkit import WebKit
from tests.conftest import Program, Serve

BROWSERS: dict[str, Callable[[Program, Path, Certificate], Browser]] = {
    "chromium": Chromium,
    "firefox": Firefox,
    "webkit": WebKit,
}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(host) for host in (*HOSTS.values(), *LOCAL_HOSTS.values())]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(signed.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = b64encode(hashlib.sha256(public).digest()).decode()
    return Certificate(folder / "cert.pem", folder / "key.pem", fingerprint)


@pytest.fixture(scope="module")
def opened(
    request: pytest.FixtureRequest,
    program: Program,
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Certificate,
    served: object,
) -> Iterator[Browser]:
    """One browser for all tests of a module; which one is the test's parameter.

    It closes before *served* ends, for a server that a browser still holds on to leaves its connections open.
    """
    browser = BROWSERS[request.param](program, tmp_path_factory.mktemp(request.param), certificate)
    yield browser
    browser.close()


@pytest.fixture
def browser(opened: Browser) -> Browser:
    """The same, as somebody's who has never been anywhere."""
    opened.start_afresh()
    return opened


@pytest.fixture(scope="module")
def served(serve: Serve, certificate: Certificate) -> Iterator[Shop]:
    """The shop and its server; a module that visits another puts that in its place, under the same name."""
    with open_shop() as (shop, app), serve(app, certificate=certificate.path, key=certificate.key) as shop.port:
        yield shop


@pytest.fixture
def shop(served: Shop, browser: Browser) -> Shop:
    """The shop, before anybody has been there, at the hosts that the browser knows."""
    served.begin(browser.hosts)
    return served
