# Everything a contributor types. `make` alone lists it.
#
# Stamps under .venv remember what is installed: a second run of any target starts at once.

.DEFAULT_GOAL := help
.PHONY: help setup demo test explore lint format bench certify clean

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
TOOLS := $(VENV)/.tools
CONTROLLERS := $(VENV)/.controllers
MATTER_SERVER := $(VENV)/.matter-server
CERTIFY := .venv-certify

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(RUNTIME): pyproject.toml scripts/setup.sh
	@scripts/setup.sh runtime

$(TOOLS): $(RUNTIME)
	@scripts/setup.sh tools

$(CONTROLLERS): $(TOOLS) tests/interop/matterjs/package-lock.json
	@scripts/setup.sh controllers

$(MATTER_SERVER): tests/interop/matter_server_requirements.txt | $(TOOLS)
	@scripts/setup.sh server

setup: $(CONTROLLERS) $(MATTER_SERVER) ## install everything into .venv (and Debian packages, where that is allowed)

demo: $(RUNTIME) ## a simulated home and a hub to pair with; more options: make demo ARGS="--modules 8 --speed 60"
	@$(BIN)/ores-bridge demo --data-dir .demo $(ARGS)

# A file stays on one processor, so that its hub and its controllers are set up once; tests/conftest.py orders them.
test: setup ## all tests; what this machine cannot run is skipped and says why
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# Every test that hypothesis feeds; `make test` gives them the same examples each time.
explore: setup ## the property tests with examples nobody has seen: make explore ARGS="-k island"
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --hypothesis-profile explore \
		$$(grep -rl --include='test_*.py' 'from hypothesis' tests) $(ARGS)

lint: $(TOOLS) ## style, types and the import rule
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$report"; exit 1; }
	@echo "lint: clean"

format: $(TOOLS) ## let ruff write what lint wants
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

bench: setup ## measure the hub; see benchmarks/README.md
	@PYTHONPATH=tests $(BIN)/python benchmarks/side_by_side.py $(ARGS)

$(CERTIFY)/.ready: tests/certification/requirements.txt scripts/setup.sh
	@scripts/setup.sh certify

certify: $(TOOLS) $(CERTIFY)/.ready ## Matter's certification scripts: make certify SDK=path; see docs/certification.md
	@test -n "$(SDK)" || { echo "certify: name a checkout of connectedhomeip: make certify SDK=path"; exit 2; }
	@PYTHONPATH=tests $(BIN)/python -m certification --sdk "$(SDK)" --environment $(CERTIFY) $(ARGS)

clean: ## forget what setup installed and what the demo kept
	@rm -rf $(VENV) $(CERTIFY) .venv-matter-server .certify .demo tests/interop/matterjs/node_modules
