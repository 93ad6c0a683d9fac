"""Agreement with Hugging Face's own watermarks and detectors on given sequences (torch)."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.lab.provenance.controls import score
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.schemes.mersenne import permutation, words
from stillwatch.lab.provenance.schemes.synthid import SynthID
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.texts import texts_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZE, KEY = 300, 15485863


def _ids(seed: int, length: int = 80) -> np.ndarray:
    """Few tokens, so that n-grams recur."""
    return np.random.default_rng(seed).integers(2, 30, length)


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3])
def test_draws_are_those_of_torch(seed: int) -> None:
    """`randperm` and `randint`, word for word."""
    generator = torch.Generator().manual_seed(seed)
    assert (
        torch.randperm(1000, generator=generator).tolist() == permutation(seed, 1000, 1000).tolist()
    )
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, 2, (500,), generator=generator)
    assert drawn.tolist() == (words(seed, 500) & 1).tolist()


@pytest.mark.parametrize(
    ("scheme", "width", "ratio"),
    [("lefthash", 1, 0.25), ("lefthash", 3, 0.5), ("selfhash", 4, 0.25), ("selfhash", 1, 0.25)],
)
def test_green_counts_are_those_of_its_detector(scheme: str, width: int, ratio: float) -> None:
    """Every n-gram, and each n-gram once, on marked-like and random sequences."""
    config = transformers.WatermarkingConfig(
        greenlist_ratio=ratio, hashing_key=KEY, seeding_scheme=scheme, context_width=width
    )
    model = transformers.PreTrainedConfig(vocab_size=SIZE, bos_token_id=0)
    ours = GreenList(KEY, SIZE, ratio, width, scheme)
    for once in (False, True):
        theirs = transformers.WatermarkDetector(model, "cpu", config, ignore_repeated_ngrams=once)
        for seed in range(3):
            ids = _ids(seed)
            told = theirs(torch.tensor(ids[None]), return_dict=True)
            # its n-grams are of the width that is set, also where the seed sees one token only
            span = width if scheme == "lefthash" else width - 1
            grams = np.array([ids[at - span : at + 1] for at in range(span, len(ids))])
            if once:
                grams = np.unique(grams, axis=0)
            contexts = grams[:, grams.shape[1] - 1 - ours.width : -1]
            green = ours.scores(contexts, grams[:, -1])
            assert len(green) == told.num_tokens_scored[0]
            assert green.sum() == told.num_green_tokens[0]


def test_p_values_agree_with_its_detector_where_nothing_recurs() -> None:
    """Ours is the exact tail, its a normal one: alike near the middle."""
    ids = np.random.default_rng(5).permutation(np.arange(2, SIZE))[:250]
    config = transformers.WatermarkingConfig(greenlist_ratio=0.25, hashing_key=KEY)
    model = transformers.PreTrainedConfig(vocab_size=SIZE, bos_token_id=0)
    theirs = transformers.WatermarkDetector(model, "cpu", config)(
        torch.tensor(ids[None]), return_dict=True
    )
    texts = texts_of([([], ids.tolist())])
    scheme = GreenList(KEY, SIZE)
    ours = score(scheme, collected(texts, own_tokens(texts), scheme))
    assert ours.pairs == 249
    assert ours.deviations == pytest.approx(float(theirs.z_score[0]), abs=1e-9)
    assert ours.p == pytest.approx(float(theirs.p_value[0]), abs=0.03)


def test_what_its_processor_favours_scores() -> None:
    """The tokens that the bias was added to are those that score one."""
    processor = transformers.WatermarkLogitsProcessor(SIZE, "cpu", 0.25, 2.0, KEY, "lefthash", 1)
    context = torch.tensor([[5, 17, 23]])
    raised = processor(context, torch.zeros(1, SIZE))[0].numpy() > 0
    scores = GreenList(KEY, SIZE).scores(np.full((SIZE, 1), 23), np.arange(SIZE))
    assert (raised == scores.astype(bool)).all()


def test_g_values_and_its_bayesian_detector_agree() -> None:
    """Same g-values; put in place of its own, its detector's posterior is the same."""
    keys, length = (654, 400, 836, 123, 340, 443), 4
    processor = transformers.SynthIDTextWatermarkLogitsProcessor(
        ngram_len=length,
        keys=list(keys),
        sampling_table_size=2**16,
        sampling_table_seed=0,
        context_history_size=1024,
        device=torch.device("cpu"),
    )
    ids = torch.tensor(np.stack([_ids(1), _ids(2)]))
    scheme, width = SynthID(keys, length), length - 1
    ours = np.stack(
        [
            scheme.g_values(
                np.array([row[at - width : at] for at in range(width, len(row))]), row[width:]
            )
            for row in ids.numpy()
        ]
    )
    assert (ours == processor.compute_g_values(ids).numpy()).all()

    torch.manual_seed(0)
    told = transformers.generation.watermarking.BayesianDetectorConfig(watermarking_depth=len(keys))
    module = transformers.generation.watermarking.BayesianDetectorModel(told)
    tokenizer = type("Tokenizer", (), {"eos_token_id": 1})()
    detector = transformers.SynthIDTextWatermarkDetector(module, processor, tokenizer)
    theirs = detector(ids)[0]
    mask = processor.compute_context_repetition_mask(ids)
    assert torch.allclose(theirs, module(torch.tensor(ours), mask)[0])
