"""The report, docs/capability.md: what the shipped weights do on texts they were not fitted to."""

from __future__ import annotations

import hashlib
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from capability import prose
from capability.outside import outside_texts
from capability.sharegpt import turns
from capability.texts import HERE, Text, rows_of

from stillwatch.signals.capability import capability
from stillwatch.signals.elicitation import ELICITATION_SIGNS, elicitation
from stillwatch.signals.tokens import tokenise
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

CAP = 500
"""Most texts of one source or template in a table, so that no large pool makes the figures."""

SHORT = ("agent", "tools", "code", "maths", "traces", "grade", "data", "rewrite", "chat", "other")


def write_report(path: Path, folder: Path, parts: dict[str, list[Text]], digest: str) -> None:
    """Measure on the held-out parts and write Markdown to `path`."""
    test = capped(parts["test"])
    real = [t for t in test if kind_of(t) == "published"]
    weak = [t for t in test if kind_of(t) == "sharegpt"]
    templates = [t for t in test if kind_of(t) == "template"]
    leads = [t for t in test if kind_of(t) == "lead"]
    hand = hand_labelled(folder, parts["train"])
    sizes = {k: f"{len(v):,}" for k, v in parts.items()}
    lines = [
        *prose.INTRODUCTION.format(digest=digest[:16], **sizes).splitlines(),
        "",
        "## Published sources and jobs that training never saw",
        "",
        prose.REAL_NOTE,
        "",
        *metrics(real),
        "",
        *by_origin(real, family),
        "",
        "## Real prompts labelled by hand",
        "",
        prose.HAND_NOTE.format(n=len(hand)),
        "",
        *metrics(hand),
        "",
        "## Whole templates held out",
        "",
        prose.TEMPLATE_NOTE,
        "",
        "English:",
        "",
        *metrics([t for t in templates if "/en/" in t.origin]),
        "",
        "Chinese, Spanish, German, French, Russian, Japanese, Portuguese:",
        "",
        *metrics([t for t in templates if "/en/" not in t.origin]),
        "",
        "## Leads and tails held out",
        "",
        prose.LEAD_NOTE,
        "",
        *metrics(leads),
        "",
        "## Chats against weak labels",
        "",
        prose.WEAK_NOTE,
        "",
        *metrics(weak),
        "",
        "## Texts of the built-in worlds",
        "",
        prose.OUTSIDE_NOTE,
        "",
        *outside(),
        "",
        "## Confusion",
        "",
        "Rows are the truth, columns the answer, in percent of the row; published, hand-labelled,",
        "template and lead texts together.",
        "",
        *confusion(real + hand + templates + leads),
        "",
        "## Calibration",
        "",
        *calibration([("published", real), ("by hand", hand), ("generated", templates + leads)]),
        "",
        "## Elicitation signs",
        "",
        prose.SIGN_NOTE,
        "",
        *sign_rates(folder),
        "",
        prose.WEAKNESSES,
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def kind_of(text: Text) -> str:
    """Which table a text belongs to."""
    head, _, rest = text.origin.partition("/")
    if head == "sharegpt":
        return "sharegpt"
    if head in CAPABILITIES:
        return "lead" if rest.startswith("lead-") else "template"
    return "published"


def family(text: Text) -> str:
    """The name under which a source is listed; the templates of T0 are one."""
    return "t0_batch (job templates)" if text.origin.startswith("t0/") else text.origin


def capped(texts: Iterable[Text]) -> list[Text]:
    """At most `CAP` texts of each origin."""
    seen: dict[str, int] = {}
    kept = []
    for text in texts:
        seen[text.origin] = seen.get(text.origin, 0) + 1
        if seen[text.origin] <= CAP:
            kept.append(text)
    return kept


def hand_labelled(folder: Path, train: Sequence[Text]) -> list[Text]:
    """The texts of `hand_labels.toml`, less those that training holds too ("more", "yes")."""
    labels = tomllib.loads((HERE / "hand_labels.toml").read_text("utf-8"))
    wanted = {
        digest: (source, label)
        for source, classes in labels.items()
        for label, digests in classes.items()
        for digest in digests
    }
    trained = {t.text for t in train}
    pool = [text for _, _, text in turns()]
    pool += [r["text"] for r in rows_of(folder) if r["source"] == "arena_hard_v0.1"]
    found: dict[str, Text] = {}
    for text in pool:
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        if digest in wanted and text not in trained:
            source, label = wanted[digest]
            found[digest] = Text(text, label, source, "test")
    return list(found.values())


def answers(texts: Sequence[Text]) -> tuple[np.ndarray, np.ndarray]:
    """Codes and probabilities; tools are offered where the text's source offers them."""
    tokens = tokenise(pa.array([t.text for t in texts], pa.large_string()))
    tools = np.array([t.tools for t in texts], np.bool_)
    return capability(tokens, tools, np.full(len(texts), -1, np.int8))


def truth(texts: Sequence[Text]) -> np.ndarray:
    """The labels as codes."""
    return np.array([CAPABILITIES.index(t.label) for t in texts])


def metrics(texts: Sequence[Text]) -> list[str]:
    """Precision, recall, F1 and support by class, and accuracy."""
    codes, _ = answers(texts)
    y = truth(texts)
    lines = ["| class | precision | recall | F1 | texts |", "|---|---|---|---|---|"]
    for k, name in enumerate(CAPABILITIES):
        hit, said, have = ((codes == k) & (y == k)).sum(), (codes == k).sum(), (y == k).sum()
        if have == 0:
            continue
        p, r = hit / max(said, 1), hit / have
        f1 = 2 * p * r / max(p + r, 1e-9)
        lines.append(f"| {name} | {p:.2f} | {r:.2f} | {f1:.2f} | {have:,} |")
    macro = np.mean([(codes[y == k] == k).mean() for k in np.unique(y)])
    lines += ["", f"Accuracy {(codes == y).mean():.3f}; mean recall of classes {macro:.3f}."]
    return lines


def by_origin(texts: Sequence[Text], name: Callable[[Text], str]) -> list[str]:
    """Recall by source, with the commonest wrong answer."""
    codes, _ = answers(texts)
    y = truth(texts)
    names = np.array([name(t) for t in texts])
    lines = ["| source | class | texts | recall | taken for |", "|---|---|---|---|---|"]
    for one in sorted(set(names.tolist())):
        mine = names == one
        wrong = codes[mine & (codes != y)]
        most = np.bincount(wrong, minlength=1).argmax() if len(wrong) else None
        taken = "" if most is None else f"{CAPABILITIES[most]} {np.mean(codes[mine] == most):.0%}"
        label = CAPABILITIES[y[mine][0]]
        recall = (codes == y)[mine].mean()
        lines.append(f"| {one} | {label} | {mine.sum():,} | {recall:.2f} | {taken} |")
    return lines


def outside() -> list[str]:
    """Shares of answers on each pool of the built-in worlds."""
    lines = ["| pool | tools offered | answers |", "|---|---|---|"]
    for name, tools, texts in outside_texts():
        codes, _ = answers([Text(t, "other", name, "test", tools) for t in texts])
        shares = np.bincount(codes, minlength=len(CAPABILITIES)) / len(codes)
        top = [f"{CAPABILITIES[k]} {shares[k]:.0%}" for k in np.argsort(-shares)[:4] if shares[k]]
        lines.append(f"| {name} | {'yes' if tools else 'no'} | {', '.join(top)} |")
    return lines


def confusion(texts: Sequence[Text]) -> list[str]:
    """The confusion matrix in percent."""
    codes, _ = answers(texts)
    y = truth(texts)
    lines = ["| | " + " | ".join(SHORT) + " |", "|---" * (len(SHORT) + 1) + "|"]
    for k, name in enumerate(CAPABILITIES):
        shares = np.bincount(codes[y == k], minlength=len(CAPABILITIES)) / max((y == k).sum(), 1)
        cells = [f"{100 * s:.0f}" if s >= 0.005 else "" for s in shares]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def calibration(groups: Sequence[tuple[str, Sequence[Text]]]) -> list[str]:
    """Share right by stated probability, and the mean gap (ECE)."""
    edges = [0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01]
    lines = ["| stated | " + " | ".join(f"{n}: right (texts)" for n, _ in groups) + " |"]
    lines.append("|---" * (len(groups) + 1) + "|")
    scored = []
    for _, texts in groups:
        codes, p = answers(texts)
        scored.append((codes == truth(texts), p))
    gaps = [0.0] * len(groups)
    for low, high in pairwise(edges):
        cells = []
        for g, (right, p) in enumerate(scored):
            mine = (p >= low) & (p < high)
            cells.append(f"{right[mine].mean():.2f} ({mine.sum():,})" if mine.any() else "")
            if mine.any():
                gaps[g] += abs(right[mine].mean() - p[mine].mean()) * mine.mean()
        lines.append(f"| {low:.2f} to {min(high, 1):.2f} | " + " | ".join(cells) + " |")
    names = ", ".join(f"{n} {gap:.3f}" for (n, _), gap in zip(groups, gaps, strict=True))
    return [*lines, "", f"Expected calibration error: {names}."]


def sign_rates(folder: Path) -> list[str]:
    """Percent of texts with each sign, by group of sources."""
    groups: dict[str, list[str]] = {name: [] for name in SIGN_GROUPS}
    for row in rows_of(folder):
        for name, prefixes in SIGN_GROUPS.items():
            if row["source"].startswith(prefixes):
                groups[name].append(row["text"])
    groups["sharegpt"] = [text for _, _, text in turns()]
    for name, tools, texts in outside_texts():
        if not tools and name in {"traces", "grading", "rewriting", "seeds"}:
            groups[f"{name}*"] = texts
    groups = {name: texts for name, texts in groups.items() if texts}
    flags = {
        name: elicitation(tokenise(pa.array(texts, pa.large_string())))
        for name, texts in groups.items()
    }
    lines = ["| sign | " + " | ".join(groups) + " |", "|---" * (len(groups) + 1) + "|"]
    lines.append("| texts | " + " | ".join(f"{len(t):,}" for t in groups.values()) + " |")
    for i, sign in enumerate(ELICITATION_SIGNS):
        rates = [100 * float((f >> i & 1).mean()) for f in flags.values()]
        lines.append(f"| {sign} | " + " | ".join(f"{r:.2f}" if r else "0" for r in rates) + " |")
    return lines


SIGN_GROUPS = {
    "arena": ("arena_hard",),
    "sharegpt": ("sharegpt",),
    "hh": ("hh_harmless",),
    "mmlu": ("mmlu",),
    "job templates": ("t0_batch",),
    "tool apps": ("BFCL",),
    "maths pools": ("gsm8k", "rllm_math", "rllm_aime", "rllm_oly", "rllm_minerva", "rllm_amc"),
    "coding pools": ("rllm_leetcode", "rllm_code"),
    "tool pools": ("taskbench", "gorilla"),
    "seeds": ("self_instruct",),
}
