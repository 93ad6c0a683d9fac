"""The sentences of the report, docs/capability.md."""

INTRODUCTION = """# Capability classifier and elicitation signs: how good they are

Written by `python scripts/train_capability.py --texts FOLDER`; don't edit. Weights sha256
`{digest}`; {train} training texts, {dev} for the temperature, {test} held out.

The classes are defined in `stillwatch/signals/capability.py`. The texts come from three places:
published pools whose source implies the class (mathematics, contest problems, tool requests,
multiple choice, templated jobs); real chats with weak labels from wording rules; and generated
texts of our own for what no public text exists for (agentic work, asking for reasoning traces,
grading, data analysis, rewriting of sensitive answers) and, in seven more languages, for every
class. Whole sources, whole templates and whole wordings are held out, and a text whose tokens
(numbers masked) occur in training is dropped from the other parts. At most 500 texts of a source or
a template count in each table.

Strength of the penalty, width of the edges and weights of the sources were chosen by
cross-validation over origins inside the training part. The tables below were looked at some six
times while the generator grew, and mistakes in kind (no contest statements, prompts too short) were
mended by writing our own texts of that kind; that length is no feature, and the odds that offered
tools add, were settled with the figures on the worlds' texts in view, though none of those texts
was read. So take every figure as a little kind."""

REAL_NOTE = """\
Each source here is absent from training as a whole (`mmlu` by its later subjects,
`t0_batch` by whole job templates, `hh_harmless_test` by rows). `arena_hard_v2.0` are
people's hard prompts, by the arena's own categories. Tools count as offered where the
row comes with function definitions."""

HAND_NOTE = """\
{n} prompts drawn at random from held-out ShareGPT conversations and from Arena-Hard
v0.1, read and labelled by one person; `scripts/capability/hand_labels.toml` holds
digests and labels only."""

TEMPLATE_NOTE = """\
A quarter of the complete templates, with problems and answers of the test sources in
their slots. One template is one wording, so a class here rests on 4 to 8 wordings and
moves by a tenth with one."""

LEAD_NOTE = """\
Texts joined from a lead and tails that training never had, around bodies that it may
have had."""

WEAK_NOTE = """\
Held-out ShareGPT conversations against the wording rules that also label the training
ones: this measures agreement with the rules. The rules are coarse for everything but
chat and coding."""

OUTSIDE_NOTE = """\
Written separately for the simulator, by another author, and not used in training. The
pools are named for what the simulated campaigns are after; the last rows are honest
traffic."""

SIGN_NOTE = """\
Percent of texts that carry each sign. Columns marked * are pools of the built-in
worlds, which ask for just that. The published pools are bare problems and requests: on
the wire a harvester adds the asking, which is where the signs are. Honest people ask
for steps, experts and JSON too; a sign alone convicts nobody."""

WEAKNESSES = """## What is weak

- Requests to tools read like ordinary requests. Without the knowledge that tools were offered,
  about half of the short ones are taken for chat; request settings decide, by odds set by hand.
- Agentic work and coding overlap by nature: a bare task from a developer ("fix the date parsing")
  is agentic only by its setting.
- Grading, asking for traces, rewriting and agentic work are learnt from our own wordings. New
  wordings are caught in part; a campaign's share of a class is an estimate from many exchanges, and
  one exchange's class is a hint.
- Real people's mathematics (arena) is far from problem pools and is missed more often than not.
- Data analysis in real chats is rarely labelled, so its weak-label recall says little.
- Languages beyond the eight rely on code, digits, punctuation and loan words.
- Of texts above 16 KiB, the first 12 and the last 4 KiB are read."""
