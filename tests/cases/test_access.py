"""People, passwords, sessions, tokens and limits, on both engines."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from stillwatch.cases import Store, export_ledger, verify
from stillwatch.cases.access import (
    Role,
    add_person,
    disable,
    enable,
    end_session,
    end_sessions_of,
    entering,
    find_session,
    find_token,
    list_people,
    list_tokens,
    make_token,
    passwords,
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
    for role in reversed(Role):
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
        add_person(store, "frodo", Role.ADMINISTRATOR, "root", password)
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
    assert acts(house)[:4] == [("let_in", f"person {role}") for role in reversed(Role)]
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


def test_names_that_could_be_taken_for_others_are_refused(house: Store):
    """Hidden characters, other cases and widths of one that is there; not a backslash."""
    for name in ("lead\u200b", "\u202elead", "LEAD", "\uff4cead", "a\nb"):
        with pytest.raises(AccessRefused, match=r"hidden characters|looks like"):
            add_person(house, name, Role.VIEWER, "root", WORDS)
    assert add_person(house, "CORP\\ana", Role.VIEWER, "root", WORDS).name == "CORP\\ana"
    assert sign_in(house, "CORP\\ana", WORDS, "10.0.0.1")


def test_the_first_person_administers(store: Store):
    """Else nobody could let in the second."""
    with pytest.raises(AccessRefused, match="administrator in first"):
        add_person(store, "ana", Role.LEAD, "ana", WORDS)
    assert list_people(store) == []


def test_a_lost_laptop(house: Store):
    """All sessions of one person end, nobody else's, and the ledger has it."""
    mine = [sign_in(house, "lead", WORDS, "10.0.0.1") for _ in range(2)]
    other = sign_in(house, "analyst", WORDS, "10.0.0.1")
    assert end_sessions_of(house, "lead", "administrator") == 2
    assert [find_session(house, s.key) for s in mine] == [None, None]
    assert find_session(house, other.key)
    assert acts(house)[-1] == ("end_sessions", "person lead")
    with pytest.raises(UnknownName):
        end_sessions_of(house, "nobody\0", "administrator")


def test_a_password_that_is_taken_away_while_it_is_checked(
    house: Store, monkeypatch: pytest.MonkeyPatch
):
    """Opens nothing, and isn't written back."""

    def slowly(password: str, kept: str | None) -> bool:
        set_password(house, "lead", "another set of words", "administrator")
        return passwords.is_right(password, kept)

    monkeypatch.setattr(entering, "is_right", slowly)
    monkeypatch.setattr(entering, "is_outdated", lambda _: True)
    with pytest.raises(SignInRefused):
        sign_in(house, "lead", WORDS, "10.0.0.1")
    monkeypatch.undo()
    assert sign_in(house, "lead", "another set of words", "10.0.0.1")


def test_passwords_are_kept_as_well_as_today_asks(house: Store):
    """One that was kept by weaker settings is kept anew at the next sign-in, and stays right."""
    weak = PasswordHasher(time_cost=1, memory_cost=1024).hash(WORDS)
    with house.writing() as connection:
        connection.execute(update(PEOPLE).where(PEOPLE.c.name == "lead").values(password=weak))
    assert sign_in(house, "lead", WORDS, "10.0.0.1")
    with house.reading() as connection:
        kept = connection.scalar(select(PEOPLE.c.password).where(PEOPLE.c.name == "lead"))
    assert kept != weak
    assert not passwords.is_outdated(kept)
    assert sign_in(house, "lead", WORDS, "10.0.0.1")


def test_letters_that_keyboards_compose_otherwise(house: Store):
    """Are the same password."""
    set_password(house, "lead", "caf\u00e9 au lait chaud", "administrator")
    assert sign_in(house, "lead", "cafe\u0301 au lait chaud", "10.0.0.1")


def test_unknown_names_take_as_long(house: Store, monkeypatch: pytest.MonkeyPatch):
    """A hash is computed whatever the name."""
    checked: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes):
            checked.append(str(hash).split("$p")[0])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Watched())
    add_person(house, "outside", Role.VIEWER, "root")
    for name in ("lead", "nobody", "outside", "lead\0"):
        with pytest.raises(SignInRefused):
            sign_in(house, name, "not the password", "10.0.0.1")
    assert len(checked) == 4
    assert len({part.split("$")[3] for part in checked}) == 1


def test_refusals_are_told_in_numbers_and_seldom(house: Store, tmp_path: Path):
    """Whoever guesses can't make the ledger grow; names that nobody has are not in it."""

    def told() -> list[tuple[str, object]]:
        with house.reading() as connection:
            kinds = {"refuse_sign_in": "refused", "sign_in": "refused_before"}
            return [
                (e.subject, e.detail[kinds[e.act]]) for e in entries(connection) if e.act in kinds
            ]

    def fail(name: str, times: int) -> None:
        for n in range(times):
            with pytest.raises(SignInRefused):
                sign_in(house, name, "not the password", f"198.51.100.{n}")

    fail("lead", 4)
    for name in ("hunter2", "my own password"):
        fail(name, 2)
    assert told() == [("person lead", 1), ("sign-in", 1)]
    with house.writing() as connection:
        connection.execute(update(ATTEMPTS).values(until=past(1)))
    fail("lead", 3)
    assert told()[2:] == [("person lead", 4)]
    sign_in(house, "lead", WORDS, "10.0.0.1")
    sign_in(house, "lead", WORDS, "10.0.0.1")
    assert told()[3:] == [("person lead", 2), ("person lead", 0)]
    _, head = export_ledger(house, tmp_path / "out")
    assert "hunter2" not in (tmp_path / "out").read_text()
    assert verify(tmp_path / "out", head).problems == []


def test_two_administrators_demote_each_other_at_once(house: Store, address: str):
    """One of them stays."""
    add_person(house, "other", Role.ADMINISTRATOR, "administrator", WORDS)
    pairs = [("administrator", "other"), ("other", "administrator")]

    def demote(pair: tuple[str, str]) -> str:
        mine = Store.open(address)
        try:
            return set_role(mine, pair[0], Role.VIEWER, pair[1]).role
        except AccessRefused as fault:
            return fault.what
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(demote, pairs))
    assert found == ["is the last administrator", "viewer"]


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 10**30])
def test_no_such_token(house: Store, number: int):
    """Any number."""
    make_token(house, "lead", "job", Role.VIEWER, 1, "lead")
    with pytest.raises(UnknownName):
        revoke_token(house, number, "lead")
    disable(house, "lead", "administrator")
    with pytest.raises(AccessRefused, match="kept out"):
        make_token(house, "lead", "job", Role.VIEWER, 1, "lead")


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


def test_somebody_let_in_for_their_provider_is_known_by_it(house: Store):
    """By name the first time, since they have no password; then by subject, and only by that."""
    add_person(house, "ben@x.example", Role.ANALYST, "administrator")
    session = sign_in_known(house, "https://idp", "b", "ben@x.example", None, "Ben")
    assert session.person.role == Role.ANALYST
    with pytest.raises(SignInRefused, match="somebody else"):
        sign_in_known(house, "https://idp", "c", "ben@x.example", None, None)


def test_what_a_provider_changes_is_in_the_ledger(house: Store, tmp_path: Path):
    """Who was let in, and each role; sessions with the old role end; the last one administers."""
    first = sign_in_known(house, "https://idp", "e", "eve@x.example", Role.ADMINISTRATOR, None)
    second = sign_in_known(house, "https://idp", "e", "eve@x.example", Role.LEAD, None)
    assert find_session(house, first.key) is None
    assert find_session(house, second.key)
    sign_in_known(house, "https://idp", "e", "eve@x.example", Role.ADMINISTRATOR, None)
    disable(house, "administrator", "eve@x.example")
    last = sign_in_known(house, "https://idp", "e", "eve@x.example", Role.VIEWER, None)
    assert last.person.role == Role.ADMINISTRATOR
    assert [act for act, subject in acts(house) if subject == "person eve@x.example"] == [
        "let_in", "sign_in", "set_role", "sign_in", "set_role", "sign_in", "sign_in",
    ]  # fmt: skip
    _, head = export_ledger(house, tmp_path / "out")
    assert verify(tmp_path / "out", head).problems == []


@pytest.mark.parametrize("text", ["", "a\0b", "\ud800", "x" * 1_000_000, "\u202eevil"])
def test_a_provider_that_says_what_cannot_be_kept(house: Store, text: str):
    """Is refused as every sign-in is, and nobody is let in."""
    with pytest.raises(SignInRefused):
        sign_in_known(house, "https://idp", "s", text, None, None)
    assert len(list_people(house)) == len(Role)
