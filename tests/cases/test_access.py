"""People, passwords, sessions, tokens and limits, on both engines."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from stillwatch.cases import Store, export_ledger, verify
from stillwatch.cases.access import (
    Role,
    add_person,
    disable,
    enable,
    end_session,
    find_session,
    find_token,
    list_people,
    list_tokens,
    make_token,
    revoke_token,
    set_password,
    set_role,
    sign_in,
    sign_in_known,
)
from stillwatch.cases.access.limits import FREE
from stillwatch.cases.ledger import entries
from stillwatch.cases.schema import ATTEMPTS, PEOPLE, SESSIONS, TOKENS
from stillwatch.cases.times import stamp
from stillwatch.errors import AccessRefused, SignInLimited, SignInRefused, UnknownName

WORDS = "correct horse battery staple"


@pytest.fixture
def house(store: Store) -> Store:
    """Somebody of every role."""
    for role in Role:
        add_person(store, str(role), role, "root", WORDS)
    return store


def past(minutes: float) -> str:
    """A time so long ago."""
    return stamp(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes))


def acts(store: Store) -> list[tuple[str, str]]:
    """What the ledger has on people."""
    with store.reading() as connection:
        return [(e.act, e.subject) for e in entries(connection) if e.subject.startswith("person")]


def test_coming_in_and_going_out(house: Store, tmp_path: Path):
    """A session is known by its key until it ends; no secret is in the store or the ledger."""
    session = sign_in(house, "lead", WORDS, "10.0.0.1")
    again = find_session(house, session.key)
    assert again == session
    assert again.person.role == Role.LEAD
    assert find_session(house, session.key + "x") is None
    with house.reading() as connection:
        kept = str(
            connection.execute(select(PEOPLE)).all() + connection.execute(select(SESSIONS)).all()
        )
    export_ledger(house, tmp_path / "out")
    for secret in (WORDS, session.key, session.csrf):
        assert secret not in kept + (tmp_path / "out").read_text()
    end_session(house, session.key)
    assert find_session(house, session.key) is None
    assert verify(tmp_path / "out").problems == []


@pytest.mark.parametrize(
    ("name", "password"),
    [("lead", "wrong words here"), ("nobody", WORDS), ("", ""), ("lead\0", WORDS), ("LEAD", WORDS)],
)
def test_whatever_is_wrong_is_refused_with_the_same_words(house: Store, name: str, password: str):
    """Nobody learns which names there are."""
    with pytest.raises(SignInRefused) as refused:
        sign_in(house, name, password, "10.0.0.1")
    assert refused.value.what == "the name or the password is wrong"


def test_sessions_end_by_themselves(house: Store):
    """When nothing is asked for an hour, and after twelve in any case."""
    one, two, three = (sign_in(house, "viewer", WORDS, "10.0.0.1") for _ in range(3))
    with house.reading() as connection:
        digests = connection.scalars(
            select(SESSIONS.c.digest).order_by(SESSIONS.c.expires_at)
        ).all()
    with house.writing() as connection:
        for digest, values in (
            (digests[0], {"seen_at": past(61)}),
            (digests[1], {"expires_at": past(1)}),
            (digests[2], {"seen_at": past(59)}),
        ):
            connection.execute(update(SESSIONS).where(SESSIONS.c.digest == digest).values(**values))
    assert [bool(find_session(house, s.key)) for s in (one, two, three)] == [False, False, True]
    with house.reading() as connection:
        seen = connection.scalar(select(SESSIONS.c.seen_at).where(SESSIONS.c.digest == digests[2]))
    assert seen > past(1)


@pytest.mark.parametrize("change", ["role", "password", "disable"])
def test_a_change_ends_sessions_at_once(house: Store, change: str):
    """Also where somebody only changes their own password elsewhere."""
    session = sign_in(house, "analyst", WORDS, "10.0.0.1")
    if change == "role":
        set_role(house, "analyst", Role.VIEWER, "administrator")
    elif change == "password":
        set_password(house, "analyst", "another set of words", "analyst")
    else:
        disable(house, "analyst", "administrator")
    assert find_session(house, session.key) is None
    if change == "disable":
        with pytest.raises(SignInRefused):
            sign_in(house, "analyst", WORDS, "10.0.0.1")
        enable(house, "analyst", "administrator")
        assert sign_in(house, "analyst", WORDS, "10.0.0.1")


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 1025, "aaaaaaaaaaaaaaaa", "stillwatch-123", "password1234", "frodo-frodo-1",
     "123456789012345"],
)  # fmt: skip
def test_weak_passwords_are_refused(store: Store, password: str):
    """And nobody is let in."""
    with pytest.raises(AccessRefused):
        add_person(store, "frodo", Role.VIEWER, "root", password)
    assert list_people(store) == []


def test_there_is_always_somebody_to_administer(house: Store):
    """The last one can't be kept out or made less; nobody changes their own role."""
    with pytest.raises(AccessRefused, match="last administrator"):
        disable(house, "administrator", "root")
    with pytest.raises(AccessRefused, match="last administrator"):
        set_role(house, "administrator", Role.VIEWER, "root")
    with pytest.raises(AccessRefused, match="own role"):
        set_role(house, "lead", Role.ADMINISTRATOR, "lead")
    set_role(house, "lead", Role.ADMINISTRATOR, "administrator")
    set_role(house, "administrator", Role.VIEWER, "lead")
    with pytest.raises(AccessRefused, match="is taken"):
        add_person(house, "lead", Role.VIEWER, "root", WORDS)
    with pytest.raises(UnknownName):
        set_role(house, "nobody", Role.VIEWER, "root")


def test_acts_on_people_are_in_the_ledger(house: Store, tmp_path: Path):
    """Who let whom in, and who came in; and it verifies."""
    sign_in(house, "lead", WORDS, "10.0.0.1")
    disable(house, "viewer", "administrator")
    assert acts(house)[:4] == [("let_in", f"person {role}") for role in Role]
    assert acts(house)[4:] == [("sign_in", "person lead"), ("keep_out", "person viewer")]
    _, head = export_ledger(house, tmp_path / "out")
    assert verify(tmp_path / "out", head).problems == []


def test_tokens_do_no_more_than_their_role_and_their_owner(house: Store):
    """The lesser of the two, as they are now; until revoked, expired, or the owner is kept out."""
    with pytest.raises(AccessRefused, match="can't be lead"):
        make_token(house, "analyst", "x", Role.LEAD, 5, "analyst")
    secrets = [make_token(house, "lead", f"n{i}", Role.ANALYST, 5, "lead") for i in range(3)]
    who = find_token(house, secrets[0])
    assert who is not None
    assert (who.name, who.role) == ("lead", Role.ANALYST)
    set_role(house, "lead", Role.VIEWER, "administrator")
    assert find_token(house, secrets[0]).role == Role.VIEWER  # pyright: ignore
    revoke_token(house, 1, "lead")
    with house.writing() as connection:
        connection.execute(update(TOKENS).where(TOKENS.c.token_id == 2).values(expires_at=past(1)))
    assert [bool(find_token(house, s)) for s in secrets] == [False, False, True]
    disable(house, "lead", "administrator")
    assert find_token(house, secrets[2]) is None
    enable(house, "lead", "administrator")
    assert find_token(house, secrets[2]) is None
    assert [bool(t.revoked_at) for t in list_tokens(house, "lead")] == [True, True, True]
    assert find_token(house, "swt_nonsense") is None


def test_failures_slow_down_and_lock_nobody_out(house: Store):
    """From one address the right password waits too; from where they came in before it doesn't."""
    sign_in(house, "lead", WORDS, "10.0.0.1")
    for _ in range(FREE["pair"] + 1):
        with pytest.raises(SignInRefused):
            sign_in(house, "lead", "a guess at it", "203.0.113.5")
    with pytest.raises(SignInLimited) as limited:
        sign_in(house, "lead", WORDS, "203.0.113.5")
    assert 0 < limited.value.retry_after <= 900
    assert sign_in(house, "lead", WORDS, "10.0.0.1")
    with house.writing() as connection:
        connection.execute(update(ATTEMPTS).values(until=past(1)))
    assert sign_in(house, "lead", WORDS, "203.0.113.5")


def test_guesses_from_everywhere_are_one_count(house: Store):
    """A name that is guessed at from many addresses waits, but for whom it is known."""
    sign_in(house, "analyst", WORDS, "10.0.0.1")
    with house.writing() as connection:
        connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.count > 0).values(count=0))
    limited = 0
    for n in range(FREE["name"] + 2):
        try:
            sign_in(house, "analyst", "a guess at it", f"198.51.100.{n}")
        except SignInLimited:
            limited += 1
        except SignInRefused:
            pass
    assert limited >= 1
    assert sign_in(house, "analyst", WORDS, "10.0.0.1")


def test_many_at_once_are_counted_each(house: Store):
    """No burst is one failure."""

    def guess(n: int) -> type[Exception]:
        try:
            sign_in(house, "viewer", f"guess number {n}", "203.0.113.9")
        except SignInRefused as fault:
            return type(fault)
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(guess, range(16)))
    assert found.count(SignInRefused) <= FREE["pair"] + 1
    assert found.count(SignInLimited) >= 16 - FREE["pair"] - 1


def test_whom_a_provider_vouches_for(house: Store):
    """Let in the first time; known by issuer and subject; never taken for somebody else."""
    session = sign_in_known(house, "https://idp", "s1", "eve@x.example", None, "Eve")
    assert session.person.role == Role.VIEWER
    again = sign_in_known(house, "https://idp", "s1", "renamed@x.example", Role.LEAD, "Eve L")
    assert (again.person.name, again.person.role) == ("eve@x.example", Role.LEAD)
    assert sign_in_known(house, "https://idp", "s1", "x", None, None).person.role == Role.LEAD
    with pytest.raises(SignInRefused, match="somebody else"):
        sign_in_known(house, "https://idp", "s2", "lead", Role.ADMINISTRATOR, None)
    with pytest.raises(SignInRefused, match="somebody else"):
        sign_in_known(house, "https://other", "s1", "eve@x.example", None, None)
    disable(house, "eve@x.example", "administrator")
    with pytest.raises(SignInRefused, match="kept out"):
        sign_in_known(house, "https://idp", "s1", "eve@x.example", None, None)
    with pytest.raises(SignInRefused):
        sign_in(house, "eve@x.example", "", "10.0.0.1")
