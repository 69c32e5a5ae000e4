# `make book` and `make test` set up what they need on a fresh clone, and are quick
# when run again. `make help` lists the rest.

# The first Python that the pinned packages support; PYTHON=… names another.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3,\
	$(shell $(p) -c "$(SUPPORTED)" 2>/dev/null && echo $(p))))
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN := PATH="$$(cd $(BIN) && pwd):$$PATH" $(BIN)/python
# On all cores, a file of tests at a time, in the order that conftest.py gives.
PYTEST := $(RUN) -m pytest -n auto --no-loadscope-reorder

# A reader's own Python settings must not leak into the book's.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book test quick check hooks chapter text notebook lab assignments bench fuzz \
	mutants lock newest clean

help: ## say what each target does
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | \
	awk -F '|' '{ printf "%-17s%s\n", $$1, $$2 }'
	@echo
	@echo 'PYTHON=… names the Python to use (3.11 to 3.14), VENV=… the folder of its packages.'
	@echo 'TORCH_INDEX=… names an index to take PyTorch from (see README.md).'


# ---- the packages: each stamp is written last, so what was interrupted is finished

$(BIN)/pip:
	@"$(or $(PYTHON),python3)" -c "$(SUPPORTED)" || { echo 'The book needs Python 3.11' \
	'to 3.14: install one, or name it, as in make book PYTHON=/path/to/python3.11.' >&2; \
	exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)"

# What builds the pages from the stored outputs: no PyTorch, no SciPy.
BOOK := $(VENV)/book.stamp
$(BOOK): requirements-book.txt pyproject.toml | $(BIN)/pip
	@$(PIP) install --requirement requirements-book.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What the chapters, the tests and the benchmarks import.
ALL := $(VENV)/all.stamp
$(ALL): requirements.txt $(BOOK)
	@$(if $(TORCH_INDEX),$(PIP) install --no-deps --index-url "$(TORCH_INDEX)" \
	$$(grep '^torch==' requirements.txt))
	@$(PIP) install --requirement requirements.txt
	@touch $@

LAB := $(VENV)/lab.stamp
$(LAB): requirements-lab.txt $(ALL)
	@$(PIP) install --requirement requirements-lab.txt --constraint requirements.txt
	@touch $@


# ---- the book

PAGE := _build/html/index.html
SOURCES := _config.yml _toc.yml references.bib pyproject.toml LICENSE \
	$(wildcard *.md) tools/build_book.py \
	$(shell find chapters web celib benchmarks -type f -not -name '*.pyc' \
	-not -path '*/.ipynb_checkpoints/*' 2>/dev/null)

book: $(PAGE) ## set up, build the pages, say where to open them
	@echo 'The pages are up to date: open $(PAGE) in a browser.'

$(PAGE): $(SOURCES) $(BOOK)
	@$(RUN) tools/build_book.py


# ---- the tests

# Nothing may print after pytest: its last line is the verdict.
test: $(PAGE) $(ALL) ## set up, run all tests (ARGS='-k softmax' goes to pytest)
	@$(PYTEST) $(ARGS)

quick: $(ALL) ## test the package in less than a minute, and CHAPTER=05 if one is named
	@$(PYTEST) -m 'not slow' $(ARGS) \
	celib tests $(and $(CHAPTER),$(wildcard chapters/$(CHAPTER)*.ipynb))

check: $(ALL) ## lint, compare the format, check types and the direction of imports
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy celib
	@$(BIN)/lint-imports --no-logo

hooks: $(ALL) ## run `make check` before each commit
	@$(BIN)/pre-commit install


# ---- working on it

chapter: $(ALL) ## run CHAPTER=05, refresh what depends on it, test it (without: all)
	@$(RUN) tools/run_chapters.py $(CHAPTER)

text: $(ALL) ## write CHAPTER=05 as text, to edit
	@$(RUN) tools/notebook_text.py text $(CHAPTER)

notebook: $(ALL) ## take the edited text of CHAPTER=05 back
	@$(RUN) tools/notebook_text.py notebook $(CHAPTER)

lab: $(LAB) ## open the notebooks in JupyterLab
	@$(RUN) -m jupyterlab --LabApp.app_settings_dir="$$PWD/web/lab" \
	--LabApp.default_url=/lab/tree/chapters/01-likelihood.ipynb $(ARGS)

assignments: $(ALL) ## build the homework into dist/, try it, say what to hand out
	@$(RUN) -m grader.release

SEED ?= 1
CASES ?= 20000
fuzz: $(ALL) ## draw CASES=20000 calls of celib with SEED=1, compare them with 40 digits
	@$(RUN) tests/fuzzed.py $(SEED) $(CASES)

mutants: $(ALL) ## change every printed equation (or CHAPTER=05), see that it is noticed
	@$(RUN) tests/mutants.py $(CHAPTER)

bench: $(ALL) ## measure celib beside its peers: accuracy, speed, memory
	@for part in accuracy speed losses pairs linear parallel results; do \
	$(RUN) benchmarks/$$part.py || exit; done


# ---- versions

# Packages for one platform only are left out: the same pins serve all.
FREEZE := -m pip freeze --all --exclude-editable | grep -v '^pip==\|^nvidia-\|^cuda-\|^triton' | \
	sed 's/+.*//'
LOCK := .venv-lock

lock: ## pin the newest versions that the .in files allow
	@rm -rf $(LOCK)
	@"$(PYTHON)" -m venv $(LOCK)
	@$(LOCK)/bin/pip install --requirement requirements-book.in
	@$(LOCK)/bin/python $(FREEZE) >$(LOCK)/requirements-book.txt
	@$(LOCK)/bin/pip install --requirement requirements.in \
	--constraint $(LOCK)/requirements-book.txt
	@$(LOCK)/bin/python $(FREEZE) >$(LOCK)/requirements.txt
	@$(LOCK)/bin/pip install --requirement requirements-lab.in \
	--constraint $(LOCK)/requirements.txt
	@$(LOCK)/bin/python $(FREEZE) | grep -vxFf $(LOCK)/requirements.txt \
	>$(LOCK)/requirements-lab.txt
	@for list in requirements-book.txt requirements.txt requirements-lab.txt; do \
	{ grep '^#' $$list; cat $(LOCK)/$$list; } >$(LOCK)/new && \
	mv $(LOCK)/new $$list || exit; done
	@rm -rf $(LOCK)

newest: ## run the tests with the newest releases of everything
	@rm -rf .venv-newest
	@"$(PYTHON)" -m venv .venv-newest
	@.venv-newest/bin/pip install --requirement requirements.in
	@.venv-newest/bin/pip install --no-deps --editable .
	@touch .venv-newest/book.stamp .venv-newest/all.stamp
	@$(MAKE) test VENV=.venv-newest

# _build/text holds what a person may be editing.
clean: ## remove what was made, but for the packages and edited texts
	@rm -rf _build/html _build/unfinished build dist *.egg-info .venv-newest $(LOCK)
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
