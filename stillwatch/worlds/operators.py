"""Operators of many accounts: direct campaigns, and resellers that may carry one."""

from __future__ import annotations

import numpy as np

from stillwatch.worlds import rhythm
from stillwatch.worlds.agents import agent_software, draft_agents
from stillwatch.worlds.apps import CODED
from stillwatch.worlds.harvest import Queue, draw_queue, shift_models
from stillwatch.worlds.parameters import Campaign, Network
from stillwatch.worlds.people import countries_for, draft_people, draw_interests
from stillwatch.worlds.phrases import BLANK_LINE, SPACE
from stillwatch.worlds.places import UTC_OFFSETS
from stillwatch.worlds.scene import Scene
from stillwatch.worlds.schedule import least_recently_used, respect_cooldowns, stick_for_an_hour
from stillwatch.worlds.texts import POOLS, Project, Texts

FLOOR_ACCOUNTS = 16


def make_campaign(
    scene: Scene, texts: Texts, campaign: Campaign, number: int, scale: float
) -> None:
    """A campaign through accounts of its own."""
    rng = scene.rng(f"campaign {campaign.name}")
    n = max(FLOOR_ACCOUNTS, round(campaign.accounts * scale))
    begin = scene.window.start + int(campaign.busy[0] * (scene.window.end - scene.window.start))
    accounts = _enrol(
        scene, rng, n, "distiller", begin, campaign.cohort_days, campaign.per_card, number, -1
    )
    queue = draw_queue(rng, scene.book, texts, campaign, round(n * campaign.mean), scene.window, n)
    created, banned = (life[accounts] for life in scene.accounts.lives())
    weight = rng.lognormal(0, 0.25 if campaign.surfaces[0] < 1 else 0.05, n)
    unit_account = least_recently_used(rng, queue.begin, created, banned, weight)
    owner = unit_account[queue.unit]
    emit_harvest(scene, rng, texts, campaign, queue, accounts, owner, number)


def emit_harvest(
    scene: Scene,
    rng: np.random.Generator,
    texts: Texts,
    campaign: Campaign,
    queue: Queue,
    accounts: np.ndarray,
    owner: np.ndarray,
    number: int,
    places: np.ndarray | None = None,
    clients: np.ndarray | None = None,
) -> None:
    """Emit a queue through `accounts[owner]`, from own addresses unless a relay's are given [n]."""
    n = len(accounts)
    keep = owner >= 0
    owner = np.maximum(owner, 0)
    if places is None:
        own = _egress(scene, rng, n, 3)
        places = own[owner, rng.integers(0, own.shape[1], len(queue.begin))[queue.unit]]
    if clients is None:
        clients = scene.clients.mixed(n, CODED)[owner]
    surface = rng.choice(5, size=n, p=campaign.surfaces)
    system, tools = agent_software(scene, rng, texts, n)
    plain = scene.book.add_all(("You are a helpful assistant.", "You are an expert."))
    bare = np.where(rng.random(n) < 0.35, rng.choice(plain, n), -1)
    none = np.full(n, -1)
    calls = np.column_stack(
        [
            scene.calls.add(
                rng, n, surface, system=s, tools=t, reply=reply, thinking=0.55, ample=0.6
            )
            for s, t, reply in ((bare, none, 600.0), (system, tools, 520.0), (bare, tools, 420.0))
        ]
    )
    agentic = np.isin(queue.kind, [POOLS.index("agentic"), POOLS.index("tools")])
    form = np.where(agentic, np.where(queue.unit % 3 == 0, 2, 1), 0)
    base = scene.conversations(len(queue.begin))
    model = scene.choose_models(rng, owner, queue.ts, eager=0.3)
    tracked = rng.random(n) < 0.5
    keys = np.where(rng.random(n) < 0.8, scene.numbers(n), -1)
    columns = {
        "ts": queue.ts,
        "account": accounts[owner],
        "place": places,
        "client": clients,
        "call": calls[owner, form],
        "model": shift_models(rng, model, queue.ts, scene.window.release, campaign.shift),
        "conversation": np.where(tracked[owner], base + queue.unit, -1),
        "turn": 2 * queue.step + 1,
        "key": keys[owner],
        "separator": queue.separator,
        "parts": queue.parts,
    }
    scene.emit(**{k: v[keep] for k, v in columns.items()}, campaign=number)


def make_network(
    scene: Scene,
    texts: Texts,
    network: Network,
    number: int,
    scale: float,
    projects: list[Project],
    campaign: Campaign | None = None,
    campaign_number: int = -1,
) -> None:
    """A reseller: its accounts carry customers who know nothing, and perhaps a campaign."""
    rng = scene.rng(f"network {network.name}")
    n = max(network.floor, round(network.accounts * scale))
    accounts = _enrol(
        scene,
        rng,
        n,
        "reseller",
        scene.window.start,
        network.cohort_days,
        network.per_card,
        -1,
        number,
    )
    created, banned = (life[accounts] for life in scene.accounts.lives())
    places = _egress(scene, rng, n, 2)
    relays = scene.clients.install("relay", n)
    if rng.random() < 0.5:
        half = relays[: n // 2]
        relays[: n // 2] = scene.clients.share_device(half) if len(half) else half
    weight = rng.lognormal(0, 0.08, n)
    volume = round(n * network.mean * network.customers)
    for kind, share in (("people", 0.62), ("agents", 0.38)):
        _customers(
            scene,
            rng,
            texts,
            network,
            kind,
            round(volume * share),
            projects,
            accounts,
            places,
            relays,
        )
    if campaign is None:
        return
    carriers = np.flatnonzero(rng.random(n) >= network.spare)
    scene.accounts.join(accounts[carriers], campaign=campaign_number)
    wanted = round(n * network.mean * (1 - network.customers))
    queue = draw_queue(rng, scene.book, texts, campaign, wanted, scene.window, len(carriers))
    unit_account = least_recently_used(
        rng, queue.begin, created[carriers], banned[carriers], weight[carriers]
    )
    owner = unit_account[queue.unit]
    relayed = (rng.random(len(queue.begin)) < network.relayed)[queue.unit]
    own = scene.clients.mixed(len(carriers), CODED)
    at = np.maximum(owner, 0)
    emit_harvest(
        scene,
        rng,
        texts,
        campaign,
        queue,
        accounts[carriers],
        owner,
        campaign_number,
        places[carriers][at, queue.unit % 2],
        np.where(relayed, relays[carriers][at], own[at]),
    )


def _customers(
    scene: Scene,
    rng: np.random.Generator,
    texts: Texts,
    network: Network,
    kind: str,
    volume: int,
    projects: list[Project],
    accounts: np.ndarray,
    places: np.ndarray,
    relays: np.ndarray,
) -> None:
    """Ordinary customers' traffic through the pool: an hour of a conversation sticks to an account."""
    people = max(6, volume // 90)
    volumes = rhythm.heavy_volumes(rng, people, volume / people, 1.1, low=2)
    born = np.full(people, scene.window.start)
    died = np.full(people, scene.window.end)
    if kind == "people":
        interests = draw_interests(rng, texts.people, volumes)
        country = countries_for(scene, rng, interests.languages)
        draft = draft_people(
            rng, texts.people, interests, volumes, born, died, UTC_OFFSETS[country]
        )
        system, tools, separator = np.full(people, -1), np.full(people, -1), SPACE
    else:
        chosen = [projects[i] for i in rng.permutation(len(projects))[:people]]
        country = scene.places.countries(len(chosen))
        people = len(chosen)
        volumes = volumes[:people] * max(1, round(len(volumes) / people))
        draft = draft_agents(
            rng, chosen, volumes, born[:people], died[:people], UTC_OFFSETS[country]
        )
        system, tools = agent_software(scene, rng, texts, people)
        separator = BLANK_LINE
    call = scene.calls.add(
        rng,
        people,
        "api",
        system=system,
        tools=tools,
        reply=rng.lognormal(np.log(380), 0.5, people),
        thinking=0.4,
    )
    created, banned = (life[accounts] for life in scene.accounts.lives())
    unit, begin = stick_for_an_hour(draft.conversation, draft.ts)
    owner = least_recently_used(rng, begin, created, banned)[unit]
    keep = owner >= 0
    owner = np.maximum(owner, 0)
    owner = respect_cooldowns(rng, owner, draft.ts, len(accounts))
    relayed = (rng.random(people) < network.relayed)[draft.who]
    own = scene.clients.mixed(people, {"cli": 0.4, "node": 0.2, "python": 0.25, "plain_http": 0.15})
    base = scene.conversations(int(draft.conversation.max(initial=-1)) + 1)
    columns = {
        "ts": draft.ts,
        "account": accounts[owner],
        "place": places[owner, draft.conversation % 2],
        "client": np.where(relayed, relays[owner], own[draft.who]),
        "call": call[draft.who],
        "model": scene.choose_models(rng, draft.who, draft.ts),
        "conversation": np.where(
            (rng.random(people) < 0.5)[draft.who], base + draft.conversation, -1
        ),
        "turn": draft.turn,
        "key": accounts[owner].astype(np.int64) + 500_000_000,
        "parts": draft.parts,
    }
    scene.emit(**{k: v[keep] for k, v in columns.items()}, separator=separator)


def _enrol(
    scene: Scene,
    rng: np.random.Generator,
    n: int,
    role: str,
    begin: int,
    cohort_days: float,
    per_card: float,
    campaign: int,
    network: int,
) -> np.ndarray:
    """Sign up `n` accounts in cohorts, with shared cards and a mix of types; some were bought old."""
    day = rhythm.DAY
    cohorts = max(1, round(n / 120))
    centre = np.where(np.arange(cohorts) == 0, -3.0, rng.uniform(-20, 18, cohorts))
    created = centre[rng.integers(0, cohorts, n)] + rng.normal(0, cohort_days, n)
    created = np.where(rng.random(n) < 0.15, -rng.exponential(150, n).clip(0, 800) - 5, created)
    created = begin + (created * day).astype(np.int64)
    cards = scene.numbers(max(2, round(n / per_card)))
    payment = np.where(rng.random(n) < 0.75, rng.choice(cards, n), scene.numbers(n))
    country = scene.places.countries(n)
    place = np.where(rng.random(n) < 0.5, scene.places.homes(country), scene.places.clouds(n, 6))
    accounts = scene.accounts.add(
        n,
        role,
        created=created,
        country=country,
        payment=payment,
        place=place,
        business=0.2,
        plan=(0.12, 0.2, 0.28, 0.1, 0.02, 0.28),
        program=(0.85, 0.08, 0.06, 0.01),
        campaign=campaign,
        network=network,
    )
    return accounts


def _egress(scene: Scene, rng: np.random.Generator, n: int, each: int) -> np.ndarray:
    """Addresses [n, each]: hosting and consumer proxies, one address serving a handful of accounts."""
    count = max(4, n * each // 5)
    hosted = scene.places.clouds(count, 9)
    proxied = scene.places.homes(scene.places.countries(count))
    store = np.where(rng.random(count) < 0.65, hosted, proxied)
    return store[rng.integers(0, count, (n, each))]
