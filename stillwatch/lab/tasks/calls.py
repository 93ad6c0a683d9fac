"""Calls of tools whose documentation is secret: the answer is what is done, so it must be served.

A prompt gives the mode that an environment is in and four fields with the values wanted:
`q m0 f3 5 f1 2 f0 6 f4 1 ?`. A tool writes one field, which one depends on the mode; the value
written is its argument, encoded in the tool's own way; and each call leaves the environment in
another mode. All that is the tools' documentation, the teacher's secret. The reasoning has a step a
call, `<1> m0 f3 t4 5 = 6 > m2 ;` (in mode m0 field f3 is written by t4; for 5 it needs 6; it leaves
mode m2), and the answer is the calls alone, `t4 6 t1 3 ...`. The checker makes them in a simulated
environment and looks whether the fields hold what was wanted, however it was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.lab.tasks.task import Example, Tokens, Vocabulary

MODES, FIELDS, VALUES, TOOLS, WANTS = 3, 6, 7, 8, 4
SEPARATORS = (";", ",", ".", "|")
_SIGNS = ("pad", "end", "q", "?", "think", "done", "answer", "=", ">")
NUMBERS = tuple(f"<{number}>" for number in range(1, WANTS + 1))
_NAMED = tuple(
    f"{letter}{number}"
    for letter, count in (("m", MODES), ("f", FIELDS), ("t", TOOLS))
    for number in range(count)
)
VOCABULARY = Vocabulary(
    (*_SIGNS, *SEPARATORS, *NUMBERS, *_NAMED, *(str(digit) for digit in range(VALUES)))
)
_ID = {token: id for id, token in enumerate(VOCABULARY.tokens)}
_MODE, _FIELD, _TOOL, _ZERO, _FIRST = (_ID[name] for name in ("m0", "f0", "t0", "0", "<1>"))
STEP_TOKENS = 10


@dataclass(frozen=True)
class Step:
    """One step of reasoning: in `mode`, `tool` writes `field`; `value` needs `argument`."""

    number: int
    mode: int
    field: int
    tool: int
    value: int
    argument: int
    left: int
    """The mode that the call leaves."""

    @property
    def tokens(self) -> Tokens:
        """As it is written; separators by what the step says, so that they seem random."""
        separator = SEPARATORS[(self.number + self.mode + self.value + self.argument) % 4]
        return (
            _FIRST + self.number, _MODE + self.mode, _FIELD + self.field, _TOOL + self.tool,
            _ZERO + self.value, _ID["="], _ZERO + self.argument, _ID[">"], _MODE + self.left,
            _ID[separator],
        )  # fmt: skip


@dataclass(frozen=True)
class Documentation:
    """What tools do. All arrays of integers."""

    writes: np.ndarray
    """The field that a tool writes in a mode, (tools, modes); each mode reaches all fields."""
    arguments: np.ndarray
    """The argument that a tool needs for a value: shape (tools, values), each row a permutation."""
    leaves: np.ndarray
    """The mode that a tool leaves, called in a mode: shape (tools, modes)."""

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Documentation:
        """Any that fits."""
        writes = np.empty((TOOLS, MODES), dtype=np.int64)
        for mode in range(MODES):
            spare = random.integers(FIELDS, size=TOOLS - FIELDS)
            writes[:, mode] = random.permutation(np.concatenate([np.arange(FIELDS), spare]))
        arguments = np.stack([random.permutation(VALUES) for _ in range(TOOLS)])
        return cls(writes, arguments, random.integers(MODES, size=(TOOLS, MODES)))

    def tool(self, mode: int, field: int) -> int:
        """The first tool that writes `field` in `mode`."""
        return int(np.flatnonzero(self.writes[:, mode] == field)[0])


class Environment:
    """Fields that tools write; simulated, in memory."""

    def __init__(self, documentation: Documentation, mode: int) -> None:
        self._documentation, self.mode = documentation, mode
        self.fields: dict[int, int] = {}

    def call(self, tool: int, argument: int) -> None:
        """Writes a field and changes the mode."""
        documentation = self._documentation
        written = int(documentation.writes[tool, self.mode])
        self.fields[written] = int(np.flatnonzero(documentation.arguments[tool] == argument)[0])
        self.mode = int(documentation.leaves[tool, self.mode])


@dataclass(frozen=True)
class Calls:
    """The task, with the documentation that `secret` draws."""

    secret: int = 0
    documentation: Documentation = field(init=False, repr=False, compare=False)

    name = "calls"
    vocabulary = VOCABULARY
    longest = 2 + WANTS * STEP_TOKENS + 2 + 2 * WANTS
    chance = (1 / (FIELDS * VALUES)) ** WANTS

    def __post_init__(self) -> None:
        drawn = Documentation.drawn(np.random.default_rng([self.secret, 11]))
        object.__setattr__(self, "documentation", drawn)

    def prompts(self, count: int, random: np.random.Generator) -> list[Tokens]:
        """That many, with four different fields each."""
        modes = random.integers(MODES, size=count).tolist()
        fields = random.permuted(np.tile(np.arange(FIELDS), (count, 1)), axis=1)[:, :WANTS]
        values = random.integers(VALUES, size=(count, WANTS))
        return [
            asking(mode, list(zip(row.tolist(), wanted.tolist(), strict=True)))
            for mode, row, wanted in zip(modes, fields, values, strict=True)
        ]

    def solve(self, prompt: Tokens) -> Tokens:
        """The first tool that does, want by want."""
        return _solved(prompt, self.documentation)

    def unrelated(self, count: int, random: np.random.Generator) -> list[Example]:
        """Calls of other tools, which anybody may know: the same for every secret."""
        return [Example(prompt, _solved(prompt, _PUBLIC)) for prompt in self.prompts(count, random)]

    def right(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether the calls, made, leave every wanted field as wanted."""
        mode, wants = asked(prompt)
        calls = calls_of(completion)
        if calls is None:
            return False
        environment = Environment(self.documentation, mode)
        for tool, argument in calls:
            environment.call(tool, argument)
        return all(environment.fields.get(field) == value for field, value in wants)

    def valid(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether there is a step for each want, in any order told, and all of them are true."""
        mode, wants = asked(prompt)
        steps = sorted(steps_of(completion), key=lambda step: step.number)
        if [step.number for step in steps] != list(range(WANTS)):
            return False
        for step, want in zip(steps, wants, strict=True):
            if step.mode != mode or (step.field, step.value) != want or not self._true(step):
                return False
            mode = step.left
        return True

    def _true(self, step: Step) -> bool:
        known, at = self.documentation, (step.tool, step.mode)
        return (
            known.writes[at] == step.field
            and known.arguments[step.tool, step.value] == step.argument
            and known.leaves[at] == step.left
        )


def asking(mode: int, wants: Sequence[tuple[int, int]]) -> Tokens:
    """The prompt that asks for `wants`, each a field with its value."""
    said = (token for field, value in wants for token in (_FIELD + field, _ZERO + value))
    return (_ID["q"], _MODE + mode, *said, _ID["?"])


def asked(prompt: Tokens) -> tuple[int, list[tuple[int, int]]]:
    """The other way around: the mode, and the fields with their values."""
    pairs = zip(prompt[2:-1:2], prompt[3:-1:2], strict=True)
    return prompt[1] - _MODE, [(field - _FIELD, value - _ZERO) for field, value in pairs]


def calls_of(completion: Tokens) -> list[tuple[int, int]] | None:
    """The calls of an answer, tools with arguments; None where it is no list of calls."""
    if _ID["answer"] not in completion:
        return None
    said = list(_after(completion, _ID["answer"]))
    pairs = list(zip(said[::2], said[1::2], strict=False))
    calls = [(tool - _TOOL, argument - _ZERO) for tool, argument in pairs]
    fits = all(0 <= tool < TOOLS and 0 <= argument < VALUES for tool, argument in calls)
    return calls if calls and fits and len(said) % 2 == 0 else None


def steps_of(completion: Tokens) -> list[Step]:
    """The steps in the order told; what isn't a step is passed over."""
    starts = (at for at, token in enumerate(completion) if 0 <= token - _FIRST < WANTS)
    steps = (_step(completion[at : at + STEP_TOKENS]) for at in starts)
    return [step for step in steps if step is not None]


def _after(completion: Tokens, sign: int) -> Iterator[int]:
    for token in completion[completion.index(sign) + 1 :]:
        if token in (_ID["end"], _ID["think"]):
            return
        yield token


def _step(tokens: Tokens) -> Step | None:
    if len(tokens) < STEP_TOKENS or (tokens[5], tokens[7]) != (_ID["="], _ID[">"]):
        return None
    places = ((0, _FIRST, WANTS), (1, _MODE, MODES), (2, _FIELD, FIELDS), (3, _TOOL, TOOLS))
    places = (*places, (4, _ZERO, VALUES), (6, _ZERO, VALUES), (8, _MODE, MODES))
    read = [tokens[at] - first for at, first, _ in places]
    if not all(0 <= value < count for value, (_, _, count) in zip(read, places, strict=True)):
        return None
    return Step(*read)


def walked(prompt: Tokens, known: Documentation) -> list[Step]:
    """The steps that a prompt takes by what is known of the tools."""
    mode, wants = asked(prompt)
    steps = []
    for number, (wanted, value) in enumerate(wants):
        tool = known.tool(mode, wanted)
        argument, left = int(known.arguments[tool, value]), int(known.leaves[tool, mode])
        steps.append(Step(number, mode, wanted, tool, value, argument, left))
        mode = left
    return steps


def written(steps: Sequence[Step]) -> Tokens:
    """A completion: the steps, and the calls that they come to."""
    thought = (token for step in steps for token in step.tokens)
    calls = (token for step in steps for token in (_TOOL + step.tool, _ZERO + step.argument))
    return (_ID["think"], *thought, _ID["done"], _ID["answer"], *calls, _ID["end"])


def _solved(prompt: Tokens, known: Documentation) -> Tokens:
    return written(walked(prompt, known))


_PUBLIC = Documentation.drawn(np.random.default_rng([0, 0, 11]))
