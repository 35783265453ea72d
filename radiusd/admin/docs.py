"""/api/docs: a page of our own that reads /api/openapi.json; it loads nothing from anywhere else.

The rule: docs.html is one file with its style and script inside, and the Content-Security-Policy lets nothing
run but these two, by their hashes.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse

PAGE: Final = (Path(__file__).parent / "docs.html").read_text(encoding="utf-8")

router = APIRouter(include_in_schema=False)


def _hash(tag: str) -> str:
    """Return the CSP source of the page's one element `tag`."""
    found = re.search(f"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    assert found is not None  # noqa: S101 - the file is ours
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash('script')}; style-src {_hash('style')}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.head("/api/docs")
@router.get("/api/docs")
async def page() -> HTMLResponse:
    """Answer with the page."""
    return HTMLResponse(PAGE, headers=HEADERS)
