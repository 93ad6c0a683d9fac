"""Training: killed and resumed it ends with the same weights; a batch depends on its step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused  # noqa: E402
from stillwatch.lab.generating import generate  # noqa: E402
from stillwatch.lab.small import Size, small  # noqa: E402
from stillwatch.lab.tasks.chains import Chains  # noqa: E402
from stillwatch.lab.training import Schedule, batches_of, collated, train  # noqa: E402

TASK = Chains(1)
TOKENS = len(TASK.vocabulary.tokens)
TINY = Size(layers=1, width=16, heads=2)
EXAMPLES = TASK.unrelated(30, np.random.default_rng(0))


def _model(seed: int = 0):
    return small(TOKENS, 64, TINY, seed)


class _Killed(BaseException):
    pass


def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Bit for bit, wherever it was killed; losses too."""
    torch.set_num_threads(1)
    schedule = Schedule(steps=12, batch=8, save_every=5)
    batches = batches_of(EXAMPLES, 8, seed=1)
    whole = _model()
    losses = train(whole, batches, schedule)

    def dying(step: int):
        if step == 8:
            raise _Killed
        return batches(step)

    half = _model()
    with pytest.raises(_Killed):
        train(half, dying, schedule, checkpoint=tmp_path / "student.pt")
    again = _model(seed=5)
    assert train(again, batches, schedule, checkpoint=tmp_path / "student.pt") == losses
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    """And one that is cut short."""
    path = tmp_path / "student.pt"
    batches = batches_of(EXAMPLES, 4, seed=1)
    train(_model(), batches, Schedule(steps=2, batch=4), checkpoint=path)
    with pytest.raises(LabRefused, match="another schedule"):
        train(_model(), batches, Schedule(steps=3, batch=4), checkpoint=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LabRefused, match="can't be read"):
        train(_model(), batches, Schedule(steps=2, batch=4), checkpoint=path)


def test_every_example_comes_once_a_pass() -> None:
    """Also where the batch doesn't divide the number of examples."""
    batches = batches_of(EXAMPLES[:7], 3, seed=2)
    seen = [tuple(row) for step in range(7) for row in batches(step).ids.tolist()]
    counts = {row: seen.count(row) for row in seen}
    assert set(counts.values()) == {3}
    assert len(counts) == 7


def test_only_completions_are_labelled() -> None:
    """Prompts and padding cost nothing."""
    batch = collated(EXAMPLES[:4])
    for row, example in enumerate(EXAMPLES[:4]):
        labelled = batch.labels[row][batch.labels[row] != -100].tolist()
        assert tuple(labelled) == example.completion


def test_a_draw_is_repeatable_and_in_order() -> None:
    """The same seed, the same completions; greedy ones depend on no other prompt."""
    model = _model()
    prompts = TASK.prompts(6, np.random.default_rng(1))
    drawn = generate(model, prompts, 10, seed=3, temperature=1.0)
    assert drawn == generate(model, prompts, 10, seed=3, temperature=1.0)
    assert drawn != generate(model, prompts, 10, seed=4, temperature=1.0)
    mixed = [prompts[0], prompts[1][:5], prompts[2]]
    alone = [generate(model, [prompt], 10)[0] for prompt in mixed]
    assert generate(model, mixed, 10) == alone
    assert all(len(completion) <= 10 for completion in drawn)
