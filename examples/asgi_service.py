"""An ASGI service: the lifespan moves the checks into the server's event loop.

    uvicorn examples.asgi_service:app

Starlette serves here; FastAPI takes the same `lifespan`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import vitalspan

vitalspan.configure(service_name="shop")


@vitalspan.check("stock", interval=0.5)
async def check_stock() -> bool:
    """Find out whether there is anything to sell."""
    return True


@vitalspan.instrument
async def price_of(item: str) -> int:
    """Return what *item* costs."""
    return len(item)


async def show_price(request: Request) -> JSONResponse:
    """Answer with a price."""
    return JSONResponse({"price": await price_of(request.path_params["item"])})


async def show_health(_request: Request) -> JSONResponse:
    """Answer with the status of every component."""
    statuses = vitalspan.default_system().monitor.get_all_statuses()
    return JSONResponse({component: health.status.value for component, health in statuses.items()})


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
    """Run the default system for as long as the server runs."""
    async with vitalspan.monitoring():
        yield


app = Starlette(routes=[Route("/price/{item}", show_price), Route("/health", show_health)], lifespan=lifespan)
