"""Divergences against their definitions in plain NumPy, and the properties they must have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr

torch = pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused  # noqa: E402
from stillwatch.lab.distilling.divergences import Divergence  # noqa: E402

RANDOM = np.random.default_rng(0)
OURS, THEIRS = RANDOM.normal(0, 3, (2, 6, 11))


def _value(divergence: Divergence, ours: np.ndarray = OURS, theirs: np.ndarray = THEIRS) -> float:
    return float(divergence(torch.from_numpy(ours), torch.from_numpy(theirs)))


def _probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    return np.exp(log_softmax(logits / temperature, axis=-1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("kind", ["forward", "reverse", "js"])
def test_each_is_what_it_is_said_to_be(kind: str, temperature: float) -> None:
    """Against SciPy's relative entropy, times the temperature squared."""
    p, q = _probabilities(THEIRS, temperature), _probabilities(OURS, temperature)
    beta = 0.3
    m = beta * p + (1 - beta) * q
    each = {
        "forward": rel_entr(p, q).sum(-1),
        "reverse": rel_entr(q, p).sum(-1),
        "js": beta * rel_entr(p, m).sum(-1) + (1 - beta) * rel_entr(q, m).sum(-1),
    }[kind]
    got = _value(Divergence(kind, temperature, beta))
    assert got == pytest.approx(each.mean() * temperature**2, rel=1e-4)


@pytest.mark.parametrize("kind", ["forward", "reverse", "js"])
@pytest.mark.parametrize("top", [0, 3])
def test_nothing_where_they_agree_and_more_where_not(kind: str, top: int) -> None:
    """A constant added to all logits says nothing."""
    divergence = Divergence(kind, top=top)
    assert _value(divergence, THEIRS + 5, THEIRS) == pytest.approx(0, abs=1e-5)
    assert _value(divergence) > 0.1


def test_the_likeliest_alone_tell_less_than_all() -> None:
    """Putting outcomes together never makes distributions differ more; all of them tell all."""
    values = [_value(Divergence(top=top)) for top in (1, 3, 6, 11, 50)]
    assert values == sorted(values)
    assert values[-1] == values[-2] == _value(Divergence())


@pytest.mark.parametrize("kind", ["forward", "reverse", "js"])
def test_a_student_can_follow_it_down(kind: str) -> None:
    """Gradients are finite, also where a side is nearly certain, and lessen it."""
    divergence = Divergence(kind, top=3)
    for scale in (0.5, 30):
        theirs = torch.from_numpy(THEIRS * scale).float()
        ours = torch.from_numpy(OURS * scale).float().requires_grad_()
        before = divergence(ours, theirs)
        before.backward()
        assert torch.isfinite(ours.grad).all()
        with torch.no_grad():
            after = divergence(ours - 0.5 * ours.grad, theirs)
        # far apart the Jensen-Shannon divergence is flat, at most ln 2
        assert after < before or (kind == "js" and scale == 30)


@pytest.mark.parametrize(
    "parameters", [("other",), ("js", 0.0), ("js", float("nan")), ("js", 1.0, 1.0)]
)
def test_parameters_that_mean_nothing_are_refused(parameters: tuple[object, ...]) -> None:
    """Before anything is trained."""
    with pytest.raises(LabRefused):
        Divergence(*parameters)
