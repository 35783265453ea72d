"""The FastAPI application: all of /api/v1, and what stands beside it."""

from fastapi import APIRouter, FastAPI

from radiusd import __version__
from radiusd.admin import clients, description, docs, explain, groups, health, logs, problems, sessions, tokens, users
from radiusd.admin.body_limit import BodyLimit
from radiusd.admin.deps import API
from radiusd.admin.services import Services


def create_app(services: Services) -> FastAPI:
    """Make the app that works with `services`; whoever made those ends them."""
    app = FastAPI(
        title="radiusd",
        version=__version__,
        summary="Users, groups, clients and sessions of a RADIUS server",
        description=description.INTRODUCTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.schema = health.SchemaVerdict(services.conninfo)
    api = APIRouter(prefix=API)
    for part in (users, groups, clients, sessions, explain, logs, tokens):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(docs.router)
    app.add_middleware(BodyLimit)
    problems.install(app)
    description.install(app)
    return app
