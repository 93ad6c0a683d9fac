"""Azure API Management's logs of language models, joined with the gateway's own log.

Tables `ApiManagementGatewayLlmLog` and `ApiManagementGatewayLogs`:
https://learn.microsoft.com/azure/azure-monitor/reference/tables/apimanagementgatewayllmlog,
.../apimanagementgatewaylogs and
https://learn.microsoft.com/azure/api-management/api-management-howto-llm-logs. They come as
resource logs (one JSON record a line, or `records`, with `properties`), as exported tables (lines,
CSV), as answers of the query API (`tables` with `columns` and `rows`), or from the older
`AzureDiagnostics` (`deploymentName_s`); names are matched without regard to case.

- One request is several records of one `CorrelationId`: tokens and model in the one with
  `SequenceNumber` 0, then request messages, then response messages. What is longer than 32 KB is
  cut into records with further numbers; a message that was cut goes on, with the same role, in the
  next.
- Who called is only in the gateway's log: the subscription (`ApimSubscriptionId`), else its user.
  An exchange whose gateway record is nowhere is refused as `unjoined`, unless `account` names
  something of the messages' own record.
- A product (`ProductId`) is what is sold, to many: no organisation.
- `CallerIpAddress` is whom the gateway saw: a proxy's where one stands before it.
- A record of the gateway without messages is no exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from stillwatch.sources.beside import Companions, beside
from stillwatch.sources.bodies import REQUEST_COLUMNS, request_columns
from stillwatch.sources.joining import Waiting
from stillwatch.sources.messages import dig, first, opened_response, response_text
from stillwatch.sources.reasons import FAILED, NOT_AN_EXCHANGE, TOO_DEEP, UNJOINED, Refused
from stillwatch.sources.shapes import Columns, Shape

KEYS = frozenset(
    {b"CorrelationId", b"correlationId", b"correlationId_g", b"category", b"operationName"}
    | {b"SequenceNumber", b"ApimSubscriptionId", b"RequestMessages", b"ResponseMessages"}
    | {b"resourceId", b"columns", b"rows"}
)
"""Of a record, or of the first one that `records` or `tables` is wrapped around."""

COLUMNS = REQUEST_COLUMNS | {
    "exchange_id",
    "ts",
    "account_id",
    "key_id",
    "surface",
    "response",
    "stop_reason",
    "input_tokens",
    "output_tokens",
    "status",
    "latency_ms",
    "ip",
    "user_agent",
    "headers",
}

CALLS_BYTES = 64 << 20
"""Of the gateway's records in the log's own file; an index on disk has those of others."""

_LLM = frozenset({"requestmessages", "responsemessages", "sequencenumber", "prompttokens"})
_CALL = frozenset({"apimsubscriptionid", "calleripaddress", "responsecode", "backendurl"})
_SUFFIXES = ("_s", "_d", "_g", "_b", "_t")

Record = dict[str, Any]


def records(payload: Record) -> Iterator[Any]:
    """The records in one object: of `records`, of `tables`, or itself."""
    if isinstance(held := payload.get("records"), list):
        yield from held
    elif isinstance(tables := payload.get("tables"), list):
        for table in tables:
            names = [dig(column, "name") for column in dig(table, "columns") or ()]
            for row in dig(table, "rows") or ():
                yield dict(zip(names, row, strict=False)) if isinstance(row, list) else row
    else:
        yield payload


def flat(record: Any) -> Record:
    """A record's own fields and its properties' by lower-case name, without `AzureDiagnostics`'
    suffixes for types.

    >>> flat({"correlationId": "c", "properties": {"modelName": "m"}, "promptTokens_d": 3})
    {'correlationid': 'c', 'prompttokens': 3, 'modelname': 'm'}
    """
    plain: Record = {}
    inner = opened_response(dig(record, "properties"))
    for held in (record, inner):
        for name, value in held.items() if isinstance(held, dict) else ():
            if name == "properties" or value in (None, ""):
                continue
            lower = str(name).lower()
            plain[lower[:-2] if lower.endswith(_SUFFIXES) else lower] = value
    return plain


def calls(payload: Record) -> Iterator[tuple[str, Record]]:
    """Of the gateway's records: the correlation's id, and what they say of the call."""
    for record in records(payload):
        plain = flat(record)
        key = plain.get("correlationid")
        if isinstance(key, str) and _is_call(plain):
            yield key, _call(plain)


def _is_call(plain: Record) -> bool:
    return not _LLM & plain.keys() and bool(_CALL & plain.keys())


def _call(plain: Record) -> Record:
    headers = opened_response(plain.get("requestheaders"))
    return {
        "subscription": plain.get("apimsubscriptionid") or plain.get("subscriptionid"),
        "user": plain.get("userid"),
        "ts": plain.get("timegenerated") or plain.get("time"),
        "ip": plain.get("calleripaddress"),
        "status": plain.get("responsecode"),
        "latency_ms": plain.get("totaltime") or plain.get("durationms"),
        "headers": {str(name).lower(): value for name, value in headers.items()}
        if isinstance(headers, dict)
        else None,
        "body": plain.get("requestbody") or plain.get("backendrequestbody"),
    }


GATEWAY = Companions(
    "apim_gateway",
    told=lambda start: any(
        mark in start.lower() for mark in (b"apimsubscriptionid", b"calleripaddress")
    ),
    read=calls,
    top="insights-logs-",
)
"""How the gateway's log is found beside the log of messages and what of it is kept."""


class Exchange(Struct):
    """The records of one request, by sequence number; here each is a flat `Record`."""

    key: str
    parts: list[tuple[int, Any]] = []
    chars: int = 0

    def add(self, plain: Record) -> None:
        """One more record."""
        self.parts.append((_number(plain.get("sequencenumber")), plain))
        for name in ("requestmessages", "responsemessages"):
            held = plain.get(name)
            self.chars += len(held) if isinstance(held, str) else len(str(held or ""))


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


class Reader:
    """Records of the log `path` -> rows, the gateway's log looked for beside it.

    `account` names a header of the request (`headers.x-team`) or another field of `_call` that says
    who called, instead of the subscription.
    """

    def __init__(self, path: Path | None = None, account: str | None = None) -> None:
        self._account = account
        self._waiting: Waiting[Exchange] = Waiting()
        self._calls: Waiting[Any] = Waiting(CALLS_BYTES)
        self._done: set[int] = set()
        self._beside = beside(path, GATEWAY) if path and path.name else None

    @property
    def shape(self) -> Shape | None:
        """None: all are added."""
        return None

    def add(self, payload: Record) -> Sequence[Record | Refused]:
        """Rows that had to make room; and what was no part of an exchange, with the reason."""
        made: list[Record | Refused] = []
        for record in records(payload):
            made += self._take(record)
        return made

    def finish(self) -> Iterator[Record | Refused | Columns]:
        """All that was gathered."""
        for exchange in self._waiting.drain():
            yield self._row(exchange)

    def _take(self, record: Any) -> Iterator[Record | Refused]:
        if not isinstance(record, dict):
            yield Refused("not_an_object")
            return
        plain = flat(record)
        key = plain.get("correlationid")
        if not isinstance(key, str):
            yield Refused("missing:exchange_id")
        elif _is_call(plain):
            call = _call(plain)
            # The oldest that are let go are in the index on disk, where the log is a file.
            self._calls.put(key, call, len(str(call)))
            yield Refused(NOT_AN_EXCHANGE)
        elif not _LLM & plain.keys():
            yield Refused(NOT_AN_EXCHANGE)
        elif hash(key) in self._done:
            yield Refused(UNJOINED)
        else:
            yield from self._gather(key, plain)

    def _gather(self, key: str, plain: Record) -> Iterator[Record | Refused]:
        exchange = self._waiting.get(key) or Exchange(key)
        exchange.add(plain)
        for old in self._waiting.put(key, exchange, exchange.chars):
            self._done.add(hash(old.key))
            yield self._row(old)

    def _calls_of(self, keys: Sequence[str]) -> list[Any]:
        """What the gateway says of each exchange; `None` where it says nothing."""
        calls = [self._calls.get(key) for key in keys]
        missing = [place for place, call in enumerate(calls) if call is None]
        if self._beside and missing:
            found = self._beside.said_of_each([keys[place] for place in missing])
            for place, said in zip(missing, found, strict=True):
                calls[place] = said
        return calls

    def _row(self, exchange: Exchange) -> Record | Refused:
        parts = [part for _, part in sorted(exchange.parts, key=itemgetter(0))]
        try:
            (call,) = self._calls_of((exchange.key,))
            return exchange_to_row(exchange.key, parts, call, self._account)
        except Refused as fault:
            return fault
        except RecursionError:
            return Refused(TOO_DEEP)
        except Exception:
            return Refused(FAILED)


def exchange_to_row(
    key: str, parts: Sequence[Record], call: Record | None, account: str | None = None
) -> Record:
    """One exchange's flat records, in order, as values by contract column.

    Raises `Refused` where nothing says who called.
    """
    call = call or {}
    who = dig(call, *account.split(".")) if account else call.get("subscription")
    who = who or call.get("user")
    if not who and not call:
        raise Refused(UNJOINED)
    sent = _messages(parts, "requestmessages")
    got = _messages(parts, "responsemessages")
    body = opened_response(call.get("body"))
    request = (body if isinstance(body, dict) else {}) | {"messages": sent}
    headers = call.get("headers") or {}
    row = request_columns(request)
    return row | {
        "exchange_id": key,
        "ts": call.get("ts") or first_of(parts, "timegenerated", "time"),
        "account_id": who,
        "key_id": call.get("subscription"),
        "surface": "azure",
        "model": first_of(parts, "deploymentname", "modelname") or row["model"],
        "response": response_text({"content": _answer(got)}),
        "stop_reason": first(dig(got, -1), "finish_reason", "stop_reason"),
        "input_tokens": first_of(parts, "prompttokens"),
        "output_tokens": first_of(parts, "completiontokens"),
        "status": call.get("status"),
        "latency_ms": call.get("latency_ms"),
        "ip": call.get("ip"),
        "user_agent": headers.get("user-agent"),
        "headers": {name: held for name, held in headers.items() if name != "user-agent"} or None,
    }


def first_of(parts: Sequence[Record], *names: str) -> Any:
    """The first of `names` that a part says, the first part's first; zero only if all say so."""
    said = [part[name] for name in names for part in parts if part.get(name) not in (None, "")]
    return next((value for value in said if value != 0), said[0] if said else None)


def _messages(parts: Sequence[Record], name: str) -> list[Any]:
    """Messages of all parts; what was cut is put together again, as text or message by message."""
    held = [part[name] for part in parts if name in part]
    opened = [_opened(value) for value in held]
    if any(value is None for value in opened):
        whole = _opened("".join(value for value in held if isinstance(value, str)))
        text = "".join(value for value in held if isinstance(value, str))
        opened = [whole if whole is not None else [{"role": "user", "content": text}]]
    messages: list[Any] = []
    for more in opened:
        following = list(more or ())
        if messages and following and _goes_on(messages[-1], following[0]):
            last = messages.pop()
            following[0] = last | {"content": last["content"] + following[0]["content"]}
        messages += following
    return messages


def _goes_on(last: Any, following: Any) -> bool:
    return (
        isinstance(last, dict)
        and isinstance(following, dict)
        and following.get("role", last.get("role")) == last.get("role")
        and isinstance(last.get("content"), str)
        and isinstance(following.get("content"), str)
    )


def _opened(value: Any) -> list[Any] | None:
    """Messages out of an array, one message, or JSON of either; `None` where it is cut JSON."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
    if isinstance(value, dict):
        inner = first(value, "messages", "choices")
        value = inner if isinstance(inner, list) else [value]
    return value if isinstance(value, list) else [{"role": "user", "content": value}]


def _answer(messages: list[Any]) -> Any:
    texts: list[Any] = []
    for message in messages:
        content = dig(message, "content")
        content = dig(message, "message", "content") if content is None else content
        texts += content if isinstance(content, list) else [content or ""]
    return texts
