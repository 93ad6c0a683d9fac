"""The route by which peers ask what was seen here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stillwatch.peers.asking import PATH, TooMuch, answer
from stillwatch.peers.objects import NotTaken
from stillwatch.peers.taxii.media import Refusal
from stillwatch.peers.taxii.routes import ROOT

if TYPE_CHECKING:
    from stillwatch.peers.seen import Seen


def answering_route(held: Seen, which: bool) -> Route:
    """The route over one set; it lies below the API root, so that a peer has one address."""

    async def asked(request: Request) -> Response:
        body = await request.body()
        try:
            told = await run_in_threadpool(
                answer, request.app.state.store, request.state.peer, held, which, body
            )
        except NotTaken as fault:
            raise Refusal(422, f"Not answered: {fault}") from None
        except TooMuch as fault:
            raise Refusal(
                429, f"Not answered: {fault}", {"Retry-After": str(fault.after_s)}
            ) from None
        return JSONResponse(told)

    return Route(ROOT + PATH, asked, methods=["POST"])
