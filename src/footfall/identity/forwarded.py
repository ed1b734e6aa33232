"""What trusted proxies say of the request that reached the first of them: its scheme and its host."""

from __future__ import annotations

from footfall.request import RequestView

__all__ = ["trust_proxies"]


def trust_proxies(view: RequestView, proxies: int) -> None:
    """Correct a request's scheme and host by ``X-Forwarded-Proto`` and ``X-Forwarded-Host``.

    Each proxy appends what it saw, so the value that the outermost trusted one wrote stands *proxies* places from
    the right; what stands left of it the visitor may have written. With fewer values than proxies none is believed.
    """
    scheme = _seen_by_outermost(view, "x-forwarded-proto", proxies)
    if scheme in ("http", "https"):
        view.secure = scheme == "https"
        view.scheme = scheme.replace("http", "ws") if view.websocket else scheme
    host = _seen_by_outermost(view, "x-forwarded-host", proxies)
    if host:
        view.host = host


def _seen_by_outermost(view: RequestView, name: str, proxies: int) -> str | None:
    values = (view.header(name) or "").split(",")
    return values[-proxies].strip() if len(values) >= proxies else None
