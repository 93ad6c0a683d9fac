"""Built-in texts: every sentence is our own, made from the word lists by a small grammar."""

from __future__ import annotations

import random

import numpy as np

from stillwatch.worlds.chatter import people_conversations
from stillwatch.worlds.phrases import NEW_LINE, PhraseBook, Pool, column
from stillwatch.worlds.texts import App, Job, Need, Project, Texts
from stillwatch.worlds.words import Grammar, read_words

SUBJECTS = 40
PROBLEMS = 9000


def builtin_texts(book: PhraseBook, seed: int, need: Need) -> Texts:
    """Texts from the word lists alone. Deterministic in `seed`; about 10 microseconds a phrase."""
    rng = random.Random(seed * 7919 + 1)
    maths = Grammar(rng, "problems")
    work = Grammar(rng, "engineering")
    trade = Grammar(rng, "business")
    problems = _problems(book, maths)
    suffixes = book.add_all(maths.sections["suffix"])
    algorithms = book.add_all(work.several("algorithm", 3000))
    snippets = book.add_all(
        f"{work.one('ask_code')}\n\n```\n{work.one('snippet')}\n```" for _ in range(2500)
    )
    coding = np.concatenate([algorithms, snippets])
    rng.shuffle(coding)
    return Texts(
        built_in=True,
        people=people_conversations(book, rng, need.people),
        apps=[_app(book, trade) for _ in range(need.apps)],
        jobs=[_job(book, trade) for _ in range(need.jobs)],
        projects=[_project(book, rng) for _ in range(need.projects)],
        assignments=[_assignment(book, trade) for _ in range(need.assignments)],
        subjects=_subjects(book, maths, rng),
        problem_sets=list(np.array_split(problems, 6)) + list(np.array_split(coding, 4)),
        suffixes=suffixes,
        agent_systems=_agent_systems(book, rng),
        steps=Pool(
            (
                column(
                    np.concatenate(
                        [
                            book.add_all(work.several("toolresult", 2500)),
                            book.add_all(work.several("followcode", 500)),
                        ]
                    )
                ),
            )
        ),
        pools=harvest_pools(book, rng, problems, coding, suffixes),
    )


def harvest_pools(
    book: PhraseBook,
    rng: random.Random,
    problems: np.ndarray,
    coding: np.ndarray,
    suffixes: np.ndarray,
) -> dict[str, Pool]:
    """The queues of `texts.POOLS` over the given problems and programming tasks."""
    maths = Grammar(rng, "problems")
    work = Grammar(rng, "engineering")
    trade = Grammar(rng, "business")
    answers = book.add_all("Answer: " + maths.one("answer") for _ in range(3000))
    pairs = book.add_all(
        f"Answer A: {maths.one('answer')}\n\nAnswer B: {maths.one('answer')}" for _ in range(1500)
    )
    rewrites = [maths.fill(f, s=s) for s in maths.sections["sensitive"] for f in _twelve(maths)]
    passages = [
        " ".join(maths.several("passage", 6)[i : i + 3]) for _ in range(300) for i in (0, 3)
    ]
    rules = np.append(book.add_all(work.several("rule", 120)), -1)
    seeds = book.add_all(f"- {trade.one('seedtask')}" for _ in range(2500))
    return {
        "traces": Pool((column(problems), column(book.add_all(maths.sections["elicit"])))),
        "grading": Pool(
            (
                column(book.add_all(maths.sections["rubric"])),
                column(problems),
                column(np.concatenate([answers, pairs])),
            )
        ),
        "rewriting": Pool((column(book.add_all(rewrites)), column(book.add_all(passages)))),
        "maths": Pool((column(problems), column(np.append(suffixes, -1)))),
        "coding": Pool((column(coding), column(rules))),
        "agentic": Pool(
            (
                column(book.add_all(work.several("context", 900))),
                column(book.add_all(work.several("task", 4000))),
                column(rules),
            )
        ),
        "tools": Pool(
            (column(book.add_all(trade.several("tooltask", 6000))), column([-1, -1, *suffixes[:2]]))
        ),
        "data": Pool(
            (
                column(book.add_all(trade.several("tables", 2000))),
                column(book.add_all(_table(trade) for _ in range(500))),
            )
        ),
        "seeds": seed_pool(book, trade, seeds),
    }


def seed_pool(book: PhraseBook, trade: Grammar, seeds: np.ndarray) -> Pool:
    """Seed mining: a meta-prompt over sampled seeds, so the instruction itself is the answer."""
    meta = column(book.add_all(trade.several("seedmeta", 60)))
    quarter = np.array_split(seeds, 4)
    doubled = [np.column_stack([q, np.roll(q, 7)]) for q in quarter[:2]]
    return Pool((meta, *doubled, column(quarter[2]), column(quarter[3])), separator=NEW_LINE)


def _twelve(maths: Grammar) -> list[str]:
    frames = list(maths.sections["rewrite"])
    return [frames[i % len(frames)] for i in range(12)]


def _problems(book: PhraseBook, maths: Grammar) -> np.ndarray:
    kinds = ("maths", "maths", "maths", "physics", "logic", "science")
    texts = [maths.one(kinds[i % len(kinds)]) for i in range(PROBLEMS)]
    return book.add_all(texts)


def _subjects(book: PhraseBook, maths: Grammar, rng: random.Random) -> list[np.ndarray]:
    """A multiple-choice benchmark by subject, in its fixed order."""
    out = []
    for _ in range(SUBJECTS):
        kind = rng.choice(("maths", "physics", "logic", "science"))
        questions = []
        for _ in range(rng.randint(80, 260)):
            wrong = rng.sample(range(3, 400), 4)
            options = "\n".join(f"{'ABCD'[j]}. {w}" for j, w in enumerate(wrong))
            questions.append(f"{maths.one(kind)}\n{options}\nAnswer:")
        out.append(book.add_all(questions))
    return out


def _table(trade: Grammar) -> str:
    rng = trade.rng
    cols = rng.sample(trade.sections["col"], 3)
    keys = rng.sample(trade.sections["town"], rng.randint(4, 8))
    lines = ["place,month," + ",".join(cols)]
    for key in keys:
        lines += [
            f"{key},{month}," + ",".join(str(rng.randint(3, 9999)) for _ in cols)
            for month in rng.sample(range(1, 13), 2)
        ]
    return "\n".join(lines)


def _app(book: PhraseBook, trade: Grammar) -> App:
    """An app keeps to its own town, goods and subject, so two apps differ in what they are asked."""
    rng = trade.rng
    own = {k: rng.choice(trade.sections[k]) for k in ("brand", "trade", "town", "topic", "street")}
    frames = rng.sample(trade.sections["appuser"], 9)
    goods = rng.sample(trade.sections["item"], 3)
    prompts = [
        trade.fill(rng.choice(frames), **own, item=rng.choice(goods))
        for _ in range(rng.randint(25, 70))
    ]
    tools = tuple(t.split(":")[0] for t in rng.sample(trade.sections["tool"], rng.randint(0, 6)))
    return App(book.add(trade.one("app", **own)), tools, book.add_all(prompts))


def _job(book: PhraseBook, trade: Grammar) -> Job:
    """A job's documents are of one kind and keep to a few sentence forms."""
    rng = trade.rng
    doc = rng.choice(trade.sections["doc"])
    forms = rng.sample(trade.sections["sentence"], 8)
    own = {"topic": rng.choice(trade.sections["topic"]), "town": rng.choice(trade.sections["town"])}
    documents = [
        " ".join(trade.fill(f, **own) for f in rng.sample(forms, rng.randint(2, 7)))
        for _ in range(rng.randint(120, 400))
    ]
    return Job(book.add(trade.one("template", doc=doc, **own)), book.add_all(documents))


def _project(book: PhraseBook, rng: random.Random) -> Project:
    """One code base with its own modules, nouns and store."""
    g = Grammar(rng, "engineering")
    for section, keep in (
        ("slug", 1),
        ("lang", 1),
        ("product", 1),
        ("store", 2),
        ("module", 4),
        ("noun", 5),
        ("verb", 5),
        ("ext", 1),
        ("user", 1),
        ("event", 4),
    ):
        chosen = rng.sample(g.sections[section], keep)
        if section in ("slug", "module"):
            chosen = [f"{c}-{rng.choice('abcdefgh')}{rng.randint(1, 99)}" for c in chosen]
        g.sections[section] = tuple(chosen)
    context = g.one("context")
    openings = [
        f"{context}\n\n{g.one('task')}" if rng.random() < 0.4 else g.one("task") for _ in range(14)
    ] + [f"{g.one('ask_code')}\n\n{g.one('snippet')}" for _ in range(6)]
    return Project(
        book.add_all(openings),
        book.add_all(g.several("followcode", 16)),
        book.add_all(g.several("toolresult", 22)),
    )


def _assignment(book: PhraseBook, trade: Grammar) -> np.ndarray:
    """What a class asks about one assignment."""
    rng = trade.rng
    own = {k: rng.choice(trade.sections[k]) for k in ("topic", "dept", "town", "day")}
    task = trade.one("assignment", **own)
    asks = []
    for _ in range(60):
        frame = rng.choice(trade.sections["student"])
        asks.append(trade.fill(frame, assign=task, claim=trade.one("claim", **own)))
    return book.add_all(asks)


def _agent_systems(book: PhraseBook, rng: random.Random) -> list[tuple[int, tuple[str, ...]]]:
    """A few popular coding agents: system prompts and tool sets that thousands share."""
    tools = ("read_file", "write_file", "apply_patch", "run_tests", "shell", "search", "list_dir")
    extra = ("web_fetch", "query", "todo_write", "notebook_edit")
    out = []
    for name in ("Corvid", "Patchwork", "Tern", "Ferrule", "Oxide Helper"):
        chosen = tuple(rng.sample(tools, rng.randint(4, 7)) + rng.sample(extra, rng.randint(0, 3)))
        out.append(
            (
                book.add(
                    f"You are {name}, an interactive agent for software tasks. Use the tools below; "
                    f"read before you write; keep answers under {rng.randint(3, 8)} lines unless "
                    "asked. Never guess a path. Verify with the project's own tests."
                ),
                chosen,
            )
        )
    return out


def tool_names() -> tuple[str, ...]:
    """Names of the tools that the built-in texts know."""
    return tuple(t.split(":")[0] for t in read_words("business")["tool"])
