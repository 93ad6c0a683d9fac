"""Reasoning that clients carry for us, sealed to whom and what it was made for.

Providers hand out reasoning that only they can read, and take it back with the next turn. Replayed
in another session, by another account or to another model, such a blob has been made to tell what
it holds (reported in 2026; `docs/countermeasures.md`). A seal is authenticated encryption of the
blob (AES-GCM-SIV, RFC 8452, which bears repeated nonces) with tenant, conversation, model and
expiry as associated data. What doesn't open says why, so that replays are counted.

    sw1.BASE64URL( key id 8 | expires 8 | nonce 12 | tags 3 * 8 | head's MAC 16 | sealed )

Tags are keyed, salted digests of tenant, conversation and model: they tell *why* a seal doesn't
open, and nothing to whoever holds it. Keys are derived from a deployment's file of keys; an epoch
added there (`stillwatch keys rotate`) seals from then on, and earlier ones still open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from stillwatch.countermeasures.blobs import with_blobs
from stillwatch.countermeasures.converse import Body
from stillwatch.countermeasures.deriving import derived, joined
from stillwatch.countermeasures.measure import About, Pieces, Who
from stillwatch.countermeasures.table import MEASURES
from stillwatch.errors import MeasureRefused
from stillwatch.privacy.keys import Keys

PREFIX = "sw1."
LIFETIME_S = 24 * 3600
"""How long a seal opens: a conversation that rests longer goes on without its old reasoning."""
LONGEST = 1 << 24
"""Most characters of a blob."""

_ID, _EXPIRES, _NONCE, _TAG, _MAC = 8, 8, 12, 8, 16
_HEAD = _ID + _EXPIRES + _NONCE + 3 * _TAG


class Refusal(StrEnum):
    """Why a seal doesn't open."""

    NOT_SEALED = "not_sealed"
    """It isn't a seal of ours: made before sealing was turned on, or elsewhere."""
    UNKNOWN_KEY = "unknown_key"
    TAMPERED = "tampered"
    EXPIRED = "expired"
    OTHER_TENANT = "other_tenant"
    OTHER_CONVERSATION = "other_conversation"
    OTHER_MODEL = "other_model"


class SealRefused(MeasureRefused):
    """A seal that doesn't open; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        words = refusal.value.replace("_", " ")
        super().__init__("a sealed blob", f"doesn't open: {words}", "Go on without it, and count")


OnRefusal = Callable[[Refusal, Who, str], None]
"""Told of each refusal: why, whose request it was, and a digest of the blob (16 hex digits)."""


@dataclass(frozen=True, slots=True)
class _Key:
    ident: bytes
    seal: bytes
    mac: bytes


class Sealer:
    """Seals and opens. `epochs` are secrets of 32 bytes, the newest last; it seals with that one.

    `clock` gives the time. Raises `MeasureRefused` where there is no secret.
    """

    def __init__(
        self,
        epochs: tuple[bytes, ...],
        *,
        lifetime_s: int = LIFETIME_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not epochs:
            raise MeasureRefused("sealing", "has no key", "Make one with `stillwatch keys new`")
        keys = [_key(secret) for secret in epochs]
        self._keys: Mapping[bytes, _Key] = {key.ident: key for key in keys}
        self._current = keys[-1]
        self._lifetime_s, self._clock = lifetime_s, clock

    @classmethod
    def of(cls, keys: Keys, *, lifetime_s: int = LIFETIME_S) -> Sealer:
        """A sealer by a deployment's keys: it seals with the epoch that has begun last."""
        now = datetime.now(UTC)
        begun = [epoch.secret for epoch in keys.epochs if epoch.begin <= now]
        return cls(tuple(begun or [keys.epochs[0].secret]), lifetime_s=lifetime_s)

    def seal(self, blob: str, who: Who) -> str:
        """The blob, sealed to `who.tenant`, `who.conversation` and `who.model`."""
        key = self._current
        expires = int(self._clock().timestamp()) + self._lifetime_s
        nonce = secrets.token_bytes(_NONCE)
        tags = b"".join(_tag(key, nonce, *bound) for bound in _bound(who))
        head = key.ident + expires.to_bytes(_EXPIRES, "big") + nonce + tags
        sealed = AESGCMSIV(key.seal).encrypt(nonce, blob.encode(*_TEXT), _associated(head, who))
        raw = head + _mac(key, head) + sealed
        return PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

    def open(self, sealed: str, who: Who) -> str:
        """The blob that was sealed; raises `SealRefused`.

        Seals that a client's library has put one after another, as it does with the pieces of a
        stream, open to their blobs one after another.
        """
        if len(sealed) > LONGEST or not sealed.startswith(PREFIX):
            raise SealRefused(Refusal.NOT_SEALED)
        return "".join(self._open(each, who) for each in sealed.split(PREFIX)[1:])

    def _open(self, text: str, who: Who) -> str:
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        except ValueError:
            raise SealRefused(Refusal.TAMPERED) from None
        head, mac, sealed = raw[:_HEAD], raw[_HEAD : _HEAD + _MAC], raw[_HEAD + _MAC :]
        key = self._keys.get(head[:_ID])
        if key is None:
            raise SealRefused(Refusal.UNKNOWN_KEY)
        if len(head) < _HEAD or not hmac.compare_digest(mac, _mac(key, head)):
            raise SealRefused(Refusal.TAMPERED)
        if int.from_bytes(head[_ID : _ID + _EXPIRES], "big") <= self._clock().timestamp():
            raise SealRefused(Refusal.EXPIRED)
        at = _ID + _EXPIRES
        nonce, tags = head[at : at + _NONCE], head[at + _NONCE :]
        for place, (kind, value) in enumerate(_bound(who)):
            tag = tags[place * _TAG : (place + 1) * _TAG]
            if not hmac.compare_digest(tag, _tag(key, nonce, kind, value)):
                raise SealRefused(Refusal(f"other_{kind}"))
        try:
            return AESGCMSIV(key.seal).decrypt(nonce, sealed, _associated(head, who)).decode(*_TEXT)
        except (InvalidTag, ValueError):
            raise SealRefused(Refusal.TAMPERED) from None


class Sealing:
    """The measure: blobs leave sealed, and those that come back are opened or left out.

    `unsealed` lets through what isn't sealed at all: for the first day, while conversations that
    began before are still going on. `refused` counts; `on_refusal` is told of each.
    """

    def __init__(
        self, sealer: Sealer, *, on_refusal: OnRefusal | None = None, unsealed: bool = False
    ) -> None:
        self._sealer, self._on_refusal, self._unsealed = sealer, on_refusal, unsealed
        self.refused: Counter[Refusal] = Counter()

    @property
    def about(self) -> About:
        """What it says of itself."""
        return MEASURES["sealing"]

    def to_model(self, request: Body, who: Who) -> Body:
        """The request with its blobs opened; what doesn't open is left out, and counted."""
        return with_blobs(
            request,
            lambda blob: self._opened(blob, who),
            lambda blob: self._opened(_text(blob), who),
        )

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer with its blobs sealed."""
        return with_blobs(
            answer,
            lambda blob: self._sealer.seal(blob, who),
            lambda blob: _base64(self._sealer.seal(blob, who)),
        )

    def stream(self, who: Who) -> Pieces:
        """The same for a streamed answer."""
        return _Pieces(self, who)

    def _opened(self, blob: str, who: Who) -> str | None:
        try:
            return self._sealer.open(blob, who)
        except SealRefused as refused:
            why = refused.refusal
        if why is Refusal.NOT_SEALED and self._unsealed:
            return blob
        self.refused[why] += 1
        if self._on_refusal is not None:
            self._on_refusal(why, who, _digest(blob))
        return None


class _Pieces:
    def __init__(self, sealing: Sealing, who: Who) -> None:
        self._sealing, self._who = sealing, who

    def piece(self, body: Body) -> list[Body]:
        return [self._sealing.to_customer(body, self._who)]


_TEXT = ("utf-8", "surrogatepass")


def _key(secret: bytes) -> _Key:
    return _Key(
        derived(secret, "seal-id")[:_ID], derived(secret, "seal"), derived(secret, "seal-mac")
    )


def _bound(who: Who) -> tuple[tuple[str, str], ...]:
    return ("tenant", who.tenant), ("conversation", who.conversation), ("model", who.model)


def _associated(head: bytes, who: Who) -> bytes:
    return head + joined(*(value for _, value in _bound(who)))


def _tag(key: _Key, nonce: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key.mac, nonce + joined(kind, value), "sha256")[:_TAG]


def _mac(key: _Key, head: bytes) -> bytes:
    return hmac.digest(key.mac, b"head" + head, "sha256")[:_MAC]


def _base64(sealed: str) -> str:
    """A seal where clients' libraries expect base64."""
    return base64.b64encode(sealed.encode("ascii")).decode("ascii")


def _text(blob: str) -> str:
    """The seal in base64, or the blob as it is."""
    try:
        return base64.b64decode(blob, validate=True).decode("ascii")
    except ValueError:
        return blob


def _digest(blob: str) -> str:
    return hashlib.sha256(blob.encode(*_TEXT)).hexdigest()[:16]
