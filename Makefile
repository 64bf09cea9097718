# hiernb. `make` sets up the environment and lists the targets below.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
STUDY := runs/study
export HIERNB_DATA ?= $(CURDIR)/data

.DEFAULT_GOAL := setup
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.PHONY: setup help study study-full test tidy lint notebooks pytest docs lab export clean bench

setup: $(READY) help ## install everything into .venv (again only when settings.ini, setup.py or constraints.txt changed)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n",$$1,$$2}' Makefile

$(READY): settings.ini setup.py constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; install Python 3.11 or name another one: make PYTHON=python3"; exit 1; }
	@echo "installing into .venv; the first time takes about four minutes and 7 GB"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev]'
	@touch $@

study: $(READY) ## the main studies in quick mode, on Fashion-MNIST and on emoji: notebooks and HTML reports under runs/study
	@$(call run_study,01_fashion_mnist,quick)
	@$(call run_study,03_emoji_retrieval,quick)

study-full: $(READY) ## the studies as committed: two or three hours, goes on where it was stopped, writes nbs/90_study/results
	@$(call run_study,01_fashion_mnist,full)
	@$(call run_study,02_random_weights,full)
	@$(call run_study,03_emoji_retrieval,full)
	@$(call run_study,04_inspect_emoji,full)

test: $(READY) tidy lint ## everything that proves the rest: tidy and lint, then notebooks, pytest and docs, two at a time on a core each
	@echo "notebooks, pytest and docs run two at a time; each is shown when it has ended, the last after about six minutes"
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory -j2 --output-sync=target SIDE_BY_SIDE=1 notebooks pytest docs

tidy: $(READY) ## export and clean must change nothing
	@before=$$($(snapshot)); $(MAKE) --no-print-directory export || exit 1; after=$$($(snapshot)); \
	git --no-pager diff --stat --exit-code $$before $$after && echo "tidy: export and clean leave no diff" || \
	{ git --no-pager diff $$before $$after | head -60; echo "tidy: export or clean changed the files above: look, then commit them"; exit 1; }

lint: $(READY) ## ruff on the exported package and the scripts; in notebooks one statement a line
	$(BIN)/ruff check hiernb tests benchmarks docs setup.py
	$(BIN)/ruff check --isolated --select E702 nbs

notebooks: $(READY) ## run every notebook as a test, in one process
	$(BIN)/nbdev_test --n_workers 1 --do_print --timing

pytest: $(READY) ## the tests in tests/: house rules, golden numbers
	$(BIN)/python -m pytest

docs: $(READY) ## the documentation site, into _docs
	$(BIN)/python docs/build.py site

lab: $(READY) ## JupyterLab on the notebooks
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) nbs

export: $(READY) ## notebooks to modules and their type stubs, clean metadata, index.ipynb to README.md
	@$(BIN)/nbdev_export && $(BIN)/nbdev_clean && $(BIN)/python docs/build.py readme

bench: $(READY) ## the benchmarks, into benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run.py

clean: ## remove what can be made again (not .venv, data or runs)
	rm -rf _docs _proc build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# The work tree, untracked files too, as one git tree; the index and the files stay as they are.
snapshot = export GIT_INDEX_FILE=$$(mktemp -u) && git read-tree HEAD && git add --all && git write-tree; rm -f $$GIT_INDEX_FILE

# Run one study through papermill with its progress bars as they are, and name the files that came out: $(call run_study,notebook,mode)
define run_study
mkdir -p $(STUDY) && touch $(STUDY)/.started && $(BIN)/papermill --cwd nbs/90_study --no-progress-bar --stdout-file /dev/stdout --stderr-file /dev/stderr \
  nbs/90_study/$(1).ipynb $(STUDY)/$(1).$(2).ipynb -p mode $(2) -p folder $(CURDIR)/$(STUDY) 2>&1 | cat && \
echo && echo "Files made:" && find $(STUDY) nbs/90_study/results -maxdepth 2 -type f -newer $(STUDY)/.started | sort | sed 's/^/  /'
endef
