"""Azure's resource logs as they are usually written: records of messages and of the gateway."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stillwatch.sources.body_shapes import Answer, Content
from stillwatch.sources.shapes import Used

Whole = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
"""What a column of integers takes."""


class Part(Used):
    """What a record says of messages, or of a call."""

    sequenceNumber: Whole | None = None
    deploymentName: str | None = None
    modelName: str | None = None
    promptTokens: Whole | None = None
    completionTokens: Whole | None = None
    requestMessages: str | None = None
    responseMessages: str | None = None
    apimSubscriptionId: str | None = None
    subscriptionId: str | None = None
    userId: str | None = None
    responseCode: Whole | None = None
    totalTime: Whole | None = None
    requestHeaders: dict[str, str] | None = None
    requestBody: str | None = None
    backendRequestBody: str | None = None
    time: str | None = None


class Logged(Used):
    """One record."""

    correlationId: Annotated[str, Meta(min_length=1)]
    properties: Part
    time: str | None = None
    timeGenerated: None = None
    callerIpAddress: str | None = None
    durationMs: Whole | None = None


class Told(Used):
    """A message of the answer, or a choice around one."""

    role: Any = None
    content: Content = None
    message: Answer | None = None
    finish_reason: str | None = None
    stop_reason: str | None = None
