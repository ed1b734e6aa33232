"""The demo's shop, written like any shop: of tracking, its views only report what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from footfall import Consent, Site, current_tracking
from footfall.asgi import TrackingMiddleware
from footfall.demo.catalogue import Product
from footfall.events import Basket, Buy, Click

__all__ = ["CONSENT", "create_shop", "who_is_logged_in"]

CONSENT: Final = "/consent"  #: where the banner's buttons lead: ``Site(consent_endpoint=CONSENT)``
USER: Final = "johndoe"  #: the shop's one account
ADDRESS: Final = "john@shop.example"  #: and where it gets its newsletter
_ACCOUNT = "demoAccount"  # the shop's own cookie
_ON_THE_FRONT_PAGE = 60


def who_is_logged_in(request: HTTPConnection) -> str | None:
    """Tell ``Site(user_id=...)`` who is logged in. A real shop asks its session; this one has nothing to steal."""
    return USER if request.cookies.get(_ACCOUNT) == "in" else None


def create_shop(site: Site, catalogue: Mapping[int, Product]) -> Starlette:
    """Make the shop.

    Args:
        site: The site that its events go to.
        catalogue: The products, by item id.
    """

    async def front(request: Request) -> Response:
        shown = list(catalogue.values())[:_ON_THE_FRONT_PAGE]
        account = _account(who_is_logged_in(request))
        return _page("Shop", f"{account}<ul class=grid>{''.join(map(_tile, shown))}</ul>")

    async def product(request: Request) -> Response:
        product = find(request)
        request.state.tracking.emit(Click(item=product.item, category_path=product.category_path))
        return _page(product.name, _details(product))

    async def put_into_basket(request: Request) -> Response:
        product = find(request)
        request.state.tracking.emit(Basket(item=product.item, category_path=product.category_path))
        return RedirectResponse(f"/product/{product.item}/basket", status_code=303)

    async def basket(request: Request) -> Response:
        product = find(request)
        return _page(
            "Your basket", f"<p>{escape(product.name)} is in your basket.</p>{_form(product, 'order', 'Buy it')}"
        )

    async def buy(request: Request) -> Response:
        product = find(request)
        request.state.tracking.emit(Buy(item=product.item, price=product.price))
        return RedirectResponse(f"/product/{product.item}/order", status_code=303)

    async def thanks(request: Request) -> Response:
        product = find(request)
        return _page("Thank you", f"<p>{escape(product.name)} is on its way: in this demo, not really.</p>")

    async def log_in(request: Request) -> Response:
        request.state.tracking.identify(ADDRESS)
        request.state.tracking.login(USER)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(_ACCOUNT, "in", httponly=True, samesite="lax")
        return response

    async def log_out(request: Request) -> Response:
        request.state.tracking.logout()
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie(_ACCOUNT, httponly=True, samesite="lax")
        return response

    def find(request: Request) -> Product:
        text: str = request.path_params["item"]
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) in catalogue:
            return catalogue[int(text)]
        raise HTTPException(404, "no such product")

    return Starlette(
        routes=[
            Route("/", front),
            Route("/product/{item}", product),
            Route("/product/{item}/basket", put_into_basket, methods=["POST"]),
            Route("/product/{item}/basket", basket),
            Route("/product/{item}/order", buy, methods=["POST"]),
            Route("/product/{item}/order", thanks),
            Route("/account/in", log_in, methods=["POST"]),
            Route("/account/out", log_out, methods=["POST"]),
        ],
        middleware=[Middleware(TrackingMiddleware, site=site)],
    )


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)) }
.grid { list-style: none; padding: 0 }
.grid li { border: 1px solid #8884; border-radius: .5rem; padding: .8rem }
form { display: inline-block; margin-right: 1rem }
small { opacity: .75 }
.banner { background: Canvas; border: 1px solid; bottom: 1rem; padding: 1rem; position: sticky }
.banner form { margin: 0 0 0 .5rem }
"""
_ABOUT = (
    "The visits are real: OTTO Recommender Systems Dataset, CC BY 4.0. Names, categories and prices are made up from"
    " the items' ids."
)


def _page(title: str, content: str) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)} - footfall demo</title><style>{_STYLE}</style></head>"
        f'<body><p><a href="/">Shop</a></p><h1>{escape(title)}</h1>{content}'
        f"{_banner()}<p><small>{_ABOUT}</small></p></body></html>"
    )


def _banner() -> str:
    """Ask for consent, or offer to withdraw it as easily as it was given."""
    tracking = current_tracking()
    if tracking is None:
        return ""
    if tracking.gpc:
        return "<p class=banner>Your browser opts out by Global Privacy Control: nobody is told of your visit.</p>"
    if tracking.consent is Consent.UNKNOWN:
        return (
            "<div class=banner>May we tell our recommendation service what you look at?"
            f" {_choice('grant', 'Yes')} {_choice('deny', 'No')}</div>"
        )
    if tracking.consent is Consent.GRANTED:
        return f"<p>You are seen. {_choice('deny', 'Withdraw')}</p>"
    return f"<p>You are not seen. {_choice('grant', 'Be seen')}</p>"


def _choice(choice: str, label: str) -> str:
    return f'<form method="post" action="{CONSENT}?{choice}"><button id={choice}>{label}</button></form>'


def _account(user: str | None) -> str:
    if user is not None:
        return f'<form method="post" action="/account/out">You are {user}. <button>Log out</button></form>'
    letter = '<a href="/?reaid=Zx81">come from a newsletter</a>'
    return f'<form method="post" action="/account/in"><button>Log in as {USER}</button> or {letter}</form>'


def _tile(product: Product) -> str:
    return f'<li><a href="/product/{product.item}">{escape(product.name)}</a><br>{_price(product)}</li>'


def _details(product: Product) -> str:
    forms = _form(product, "basket", "Put into the basket") + _form(product, "order", "Buy now")
    return (
        f"<p>{_trail(product.category_path)}</p>"
        f"<p><strong>{_price(product)}</strong> <small>(made up from the item id {product.item})</small></p>{forms}"
    )


def _form(product: Product, action: str, label: str) -> str:
    return f'<form method="post" action="/product/{product.item}/{action}"><button>{label}</button></form>'


def _price(product: Product) -> str:
    return f"{product.price.amount} {product.price.currency}"


def _trail(levels: Iterable[str]) -> str:
    return " &rsaquo; ".join(map(escape, levels))
