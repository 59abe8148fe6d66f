# `make run`, `make check`: the first use makes .venv by itself; python3 (3.11 or later) and make are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
MAKEFLAGS += --no-print-directory

# What editors use for YAML; tests/editors asks it. Those tests are skipped where there is no Node.js to run it on.
LANGUAGE_SERVER := tests/editors/node_modules/installed

.PHONY: setup run test check bench kills faults oracle agentdojo fuzz format clean language-server
.DELETE_ON_ERROR:

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "agentflow needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0])'
	@echo "making $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "hint: Debian and Ubuntu keep venv in a package of its own, python3-venv" >&2; exit 1; }
	@$(PIP) install --upgrade "pip>=25.1"
	@$(PIP) install --editable . --group dev
	@touch $@

# Without a key the model's words are scripted; without a terminal nobody can be asked, and gates are answered with yes.
run: $(VENV)/installed
	@set --; \
	if [ -z "$${ANTHROPIC_API_KEY:-}$${ANTHROPIC_AUTH_TOKEN:-}" ]; then \
	  echo "no ANTHROPIC_API_KEY: the model's words come from workflows/research.replies.yaml"; \
	  set -- "$$@" --scripted workflows/research.replies.yaml --pace 0.6; \
	fi; \
	{ [ -t 0 ] && [ -t 2 ]; } || set -- "$$@" --yes; \
	exec $(BIN)/agentflow run workflows/research.yaml "$$@"

test: $(VENV)/installed $(LANGUAGE_SERVER)
	@$(BIN)/pytest -n 2 --dist loadfile -rs

language-server: $(LANGUAGE_SERVER)

$(LANGUAGE_SERVER): tests/editors/package.json
	@if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
	  echo "no Node.js with npm: the tests of editors (tests/editors) will be skipped" >&2; \
	elif cd $(<D) && npm install --silent --no-audit --no-fund --no-package-lock --fetch-retries=1 --fetch-timeout=60000; then \
	  touch $(notdir $(@D))/$(@F); \
	else \
	  echo "yaml-language-server cannot be installed: the tests of editors (tests/editors) will be skipped" >&2; \
	fi

check: $(VENV)/installed
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(MAKE) test

bench: $(VENV)/installed
	@$(BIN)/python -m benchmarks

kills: $(VENV)/installed
	@$(BIN)/python -m tests.kills

faults: $(VENV)/installed
	@$(BIN)/python -m tests.faults

# AgentDojo brings the clients of many models, so it has an environment of its own.
agentdojo: $(VENV)/installed
	@[ -e $(VENV)-agentdojo/installed ] || { $(PYTHON) -m venv $(VENV)-agentdojo \
	  && $(VENV)-agentdojo/bin/python -m pip install --quiet --disable-pip-version-check "agentdojo>=0.1.35,<0.2" \
	  && touch $(VENV)-agentdojo/installed; }
	@$(BIN)/python -m benchmarks.agentdojo $(VENV)-agentdojo/bin/python

oracle: $(VENV)/installed
	@$(BIN)/python -m tests.oracle

SECONDS ?= 600

fuzz: $(VENV)/installed
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

format: $(VENV)/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(VENV)-agentdojo tests/editors/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find agentflow tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
