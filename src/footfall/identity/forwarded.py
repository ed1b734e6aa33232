"""What trusted proxies say about the request that reached the first of them: its scheme and host."""

from __future__ import annotations

from footfall.request import RequestView

__all__ = ["read_forwarded"]


def read_forwarded(view: RequestView, proxies: int) -> tuple[str | None, str | None]:
    """Read a request's scheme and host from ``X-Forwarded-Proto`` and ``X-Forwarded-Host``.

    Each proxy appends what it saw, so the value of the outermost trusted one stands *proxies* places from the right;
    a visitor may have written what stands left of it. A header with fewer values than proxies is not believed.

    Returns:
        Scheme and host as the outermost trusted proxy saw them; ``None`` where it does not say.
    """
    scheme = _seen_by_outermost(view, "x-forwarded-proto", proxies)
    if scheme not in ("http", "https"):
        scheme = None
    elif view.websocket:
        scheme = scheme.replace("http", "ws")
    return scheme, _seen_by_outermost(view, "x-forwarded-host", proxies) or None


def _seen_by_outermost(view: RequestView, name: str, proxies: int) -> str | None:
    values = (view.header(name) or "").split(",")
    return values[-proxies].strip() if len(values) >= proxies else None
