"""The most that a request's body may hold: 413 above it (RFC 9110, 15.5.14), and never more of it in memory.

The rule: what Content-Length announces is judged before anything else is done, and what really arrives while
it is read. The largest body in use, a user with hundreds of rows, has some tens of kilobytes.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiusd.admin import problems

MOST: Final = 1024 * 1024  # octets


class BodyLimit:
    """The ASGI layer that refuses bodies of more than `MOST` octets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("Content-Length", "")
        if announced.isdecimal() and int(announced) > MOST:
            await problems.respond(413, problems.DETAILS[413])(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
