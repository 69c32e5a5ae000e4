# Two commands do everything on a fresh clone: `make book` and `make test`.

# The first Python that suits the pins; else any that can say why it does not.
CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3 python
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
SPEAKS := import sys; sys.exit(sys.version_info < (3, 6))
PYTHON ?= $(shell for check in "$(SUITS)" "$(SPEAKS)"; do \
	for p in $(CANDIDATES); do \
	"$$p" -c "$$check" >/dev/null 2>&1 && echo "$$p" && exit; done; done)

BIN := .venv/bin
unexport PYTHONPATH PYTHONHOME
export TORCH_INDEX
.DEFAULT_GOAL := help
.PHONY: help book test lab check bench run assignments lock newest clean env lab-env python

help: ## say what each target does
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/make \1: \2/p' Makefile | \
	awk -F ': ' '{ printf "%-18s%s\n", $$1, $$2 }'
	@echo
	@echo 'PYTHON=… names the Python to use (3.11 to 3.14).'
	@echo 'TORCH_INDEX=… names an index to take torch from: on Linux, the CPU-only one'
	@echo '  that its install page shows saves some gigabytes.'

book: env ## set up, build the site, say where to open it
	@$(BIN)/python tools/build_book.py

# Nothing may print after pytest: its last line is the verdict.
test: env ## set up, run all tests (ARGS=… goes to pytest)
	@$(BIN)/python tools/browser.py --get
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/pytest $(ARGS)

lab: lab-env ## set up, install JupyterLab if need be, open the notebooks
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/jupyter lab $(ARGS)

check: env ## lint, check the format and the types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy celib

bench: env ## measure celib beside its peers, accuracy, speed and memory
	@$(BIN)/python benchmarks/accuracy.py
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/pairs.py
	@$(BIN)/python benchmarks/linear.py
	@$(BIN)/python benchmarks/parallel.py

run: env ## execute the chapters again and store their outputs (CHAPTER=… for one)
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python tools/run_chapters.py $(CHAPTER)

assignments: env ## build the homework into dist/, try it, say what to hand out
	@$(BIN)/python -m grader.release

lock: python ## write the pinned requirements anew
	@"$(PYTHON)" tools/setup_env.py lock

newest: python ## run the tests with the newest releases of everything
	@"$(PYTHON)" tools/setup_env.py newest
	@.venv-newest/bin/python tools/browser.py --get
	@PATH="$$PWD/.venv-newest/bin:$$PATH" .venv-newest/bin/pytest $(ARGS)

clean: ## remove what was made, but for .venv
	@rm -rf _build build dist *.egg-info .venv-newest .venv-lock
	@rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

env: python
	@"$(PYTHON)" tools/setup_env.py

lab-env: python
	@"$(PYTHON)" tools/setup_env.py lab

python:
	@test -n "$(PYTHON)" || { echo "No Python was found (tried $(CANDIDATES)):" \
	"install Python 3.11 to 3.14, or name it, as in make book PYTHON=/path/to/python." \
	>&2; exit 1; }
