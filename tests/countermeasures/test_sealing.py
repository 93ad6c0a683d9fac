"""A seal opens for whom and what it was made for, and says why it doesn't for others."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.countermeasures.blobs import with_blobs
from stillwatch.countermeasures.measure import Who
from stillwatch.countermeasures.sealing import PREFIX, Refusal, Sealer, Sealing, SealRefused
from stillwatch.errors import MeasureRefused
from stillwatch.privacy.keys import new_keys, read_keys, rotate_keys

SECRET, NEXT = bytes(range(32)), bytes(range(32, 64))
ME = Who(tenant="acme", account="a", conversation="c1", model="big")


def refusal(sealer: Sealer, sealed: str, who: Who) -> Refusal:
    """Why a seal doesn't open."""
    with pytest.raises(SealRefused) as refused:
        sealer.open(sealed, who)
    return refused.value.refusal


@given(st.text(max_size=300))
def test_what_is_sealed_opens_for_its_owner(blob: str) -> None:
    """Any text comes back, and isn't to be seen in the seal."""
    sealer = Sealer((SECRET,))
    sealed = sealer.seal(blob, ME)
    assert sealer.open(sealed, ME) == blob
    assert sealer.open(sealed + sealer.seal("b", ME), ME) == blob + "b"


def test_others_learn_nothing_but_why() -> None:
    """Each binding is a reason of its own."""
    sealer = Sealer((SECRET,))
    sealed = sealer.seal("blob", ME)
    for who, why in (
        (Who(tenant="other", conversation="c1", model="big"), Refusal.OTHER_TENANT),
        (Who(tenant="acme", conversation="c2", model="big"), Refusal.OTHER_CONVERSATION),
        (Who(tenant="acme", conversation="c1", model="small"), Refusal.OTHER_MODEL),
    ):
        assert refusal(sealer, sealed, who) is why
    assert refusal(Sealer((NEXT,)), sealed, ME) is Refusal.UNKNOWN_KEY
    assert refusal(sealer, "signature-of-old", ME) is Refusal.NOT_SEALED
    moved = Who(tenant="acmec", conversation="1", model="big")
    assert refusal(sealer, sealed, moved) is Refusal.OTHER_TENANT


def test_a_seal_expires() -> None:
    """At its time, and not a second before."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    times = [now]
    sealer = Sealer((SECRET,), lifetime_s=60, clock=lambda: times[0])
    sealed = sealer.seal("blob", ME)
    times[0] = now + timedelta(seconds=59)
    assert sealer.open(sealed, ME) == "blob"
    times[0] = now + timedelta(seconds=60)
    assert refusal(sealer, sealed, ME) is Refusal.EXPIRED


def test_no_byte_of_a_seal_can_be_changed() -> None:
    """Every character changed, and every end cut off, is noticed; none gives another text."""
    sealer = Sealer((SECRET,))
    sealed = sealer.seal("a blob of some length", ME)
    whys = set()
    for at in range(len(PREFIX), len(sealed)):
        other = "A" if sealed[at] != "A" else "B"
        changed = sealed[:at] + other + sealed[at + 1 :]
        try:
            assert sealer.open(changed, ME) == "a blob of some length"
            assert at == len(sealed) - 1  # the bits of the last character that say nothing
        except SealRefused as refused:
            whys.add(refused.refusal)
        whys.add(refusal(sealer, sealed[:at], ME))
    assert whys <= {Refusal.TAMPERED, Refusal.UNKNOWN_KEY}
    for text in (PREFIX, PREFIX + "é", PREFIX + "A" * 50, PREFIX + "=" * 9):
        assert refusal(sealer, text, ME) in (Refusal.TAMPERED, Refusal.UNKNOWN_KEY)


def test_keys_rotate_with_the_deployments_own(tmp_path: Path) -> None:
    """After a rotation, new seals are of the new epoch, and old ones still open."""
    new_keys(tmp_path / "keys", tmp_path / "owner")
    before = Sealer.of(read_keys(tmp_path / "keys"))
    old = before.seal("old", ME)
    rotate_keys(tmp_path / "keys", datetime.now(UTC) + timedelta(seconds=1))
    assert Sealer.of(read_keys(tmp_path / "keys")).open(old, ME) == "old"
    after = Sealer((*[e.secret for e in read_keys(tmp_path / "keys").epochs],))
    assert after.open(old, ME) == "old"
    assert refusal(before, after.seal("new", ME), ME) is Refusal.UNKNOWN_KEY


def test_without_a_key_nothing_is_sealed() -> None:
    """A sealer needs a secret."""
    with pytest.raises(MeasureRefused, match="keys new"):
        Sealer(())


HISTORIES = (
    (
        {
            "messages": [
                {"role": "assistant", "content": [{"type": "thinking", "signature": "BLOB"}]}
            ]
        },
        {"type": "message", "content": [{"type": "thinking", "signature": "BLOB"}]},
    ),
    (
        {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "BLOB"}]},
        {"output": [{"type": "reasoning", "summary": [], "encrypted_content": "BLOB"}]},
    ),
    (
        {"contents": [{"parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "BLOB"}]}]},
        {"candidates": [{"content": {"parts": [{"text": "", "thoughtSignature": "BLOB"}]}}]},
    ),
    (
        {"messages": [{"reasoning_details": [{"type": "reasoning.encrypted", "data": "BLOB"}]}]},
        {
            "choices": [
                {"delta": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "BLOB"}]}}
            ]
        },
    ),
    (
        {
            "messages": [
                {"tool_calls": [{"extra_content": {"google": {"thought_signature": "BLOB"}}}]}
            ]
        },
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "BLOB"}},
    ),
)


@pytest.mark.parametrize(("history", "answer"), HISTORIES)
def test_a_conversation_goes_round(history: dict[str, object], answer: dict[str, object]) -> None:
    """Answers leave sealed; the history comes back open, and from elsewhere without its blobs."""
    told: list[tuple[Refusal, str]] = []
    sealing = Sealing(
        Sealer((SECRET,)), on_refusal=lambda why, who, digest: told.append((why, who.tenant))
    )
    assert "BLOB" not in str(sealing.to_customer(answer, ME))
    sealed = sealing.to_customer(history, ME)
    assert "BLOB" not in str(sealed)
    assert sealing.to_model(sealed, ME) == history
    thief = Who(tenant="thief", conversation="c1", model="big")
    stolen = sealing.to_model(sealed, thief)
    assert "BLOB" not in str(stolen)
    assert PREFIX not in str(stolen)
    assert told == [(Refusal.OTHER_TENANT, "thief")]
    assert sealing.refused == {Refusal.OTHER_TENANT: 1}


def test_a_day_of_changing_over() -> None:
    """Unsealed blobs of conversations that began before go through while it is allowed."""
    history = HISTORIES[0][0]
    assert Sealing(Sealer((SECRET,)), unsealed=True).to_model(history, ME) == history
    assert "BLOB" not in str(Sealing(Sealer((SECRET,))).to_model(history, ME))


def test_tools_are_not_looked_into() -> None:
    """What a tool is given or gives back is no reasoning, whatever its keys are called."""
    body = {"content": [{"type": "tool_result", "content": [{"type": "reasoning", "data": "x"}]}]}
    assert with_blobs(body, lambda _: None) == body


def test_bedrocks_blobs_go_round() -> None:
    """Signatures as texts, redacted content as base64, which its libraries decode."""
    sealing = Sealing(Sealer((SECRET,)))
    content = [
        {"reasoningContent": {"reasoningText": {"text": "a", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"\x00\xff").decode()}},
        {"text": "b"},
    ]
    told = sealing.to_customer({"output": {"message": {"content": content}}}, ME)
    sealed = told["output"]["message"]["content"]
    assert sealed[0]["reasoningContent"]["reasoningText"]["signature"].startswith(PREFIX)
    raw = base64.b64decode(sealed[1]["reasoningContent"]["redactedContent"], validate=True)
    assert raw.decode().startswith(PREFIX)
    back = {"messages": [{"role": "assistant", "content": sealed}]}
    assert sealing.to_model(back, ME)["messages"][0]["content"] == content
    other = Who(tenant="other", conversation="c1", model="big")
    assert sealing.to_model(back, other)["messages"][0]["content"] == [{"text": "b"}]
    assert sealing.refused[Refusal.OTHER_TENANT] == 2
    event = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": content[0]}}
    assert "sig" not in str(sealing.to_customer(event, ME)).replace("signature", "")
