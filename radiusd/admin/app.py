"""The FastAPI application: all of /api/v1, and what stands beside it."""

from fastapi import APIRouter, FastAPI

from radiusd import __version__
from radiusd.admin import clients, explain, groups, health, logs, problems, sessions, tokens, users
from radiusd.admin.services import Services

API = "/api/v1"


def create_app(services: Services) -> FastAPI:
    """Make the app that works with `services`; whoever made those ends them."""
    app = FastAPI(
        title="radiusd",
        version=__version__,
        summary="Users, groups, clients and sessions of a RADIUS server",
        openapi_url="/api/openapi.json",
        docs_url="/api/docs",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.services = services
    api = APIRouter(prefix=API, responses=problems.RESPONSES)
    for part in (users, groups, clients, sessions, explain, logs, tokens):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health.router)
    problems.install(app)
    return app
