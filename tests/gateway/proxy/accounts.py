"""Who a key of the tests is: `sk-NAME` is NAME's."""

import hashlib

from fastapi import Request
from litellm.proxy._types import UserAPIKeyAuth


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Anybody may come in."""
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    return UserAPIKeyAuth(api_key=digest, user_id=api_key.removeprefix("sk-"))
