# Every verb of this project. `make` alone lists them.
PYTHON ?= python3
VENV := .venv/bin
PYTEST_ARGS ?=
UPGRADE ?=
# The oldest Python that is supported: some packages are needed there alone.
LOCK = $(VENV)/uv pip compile --python-version 3.11 --generate-hashes --no-header --quiet $(UPGRADE)
CORPUS ?= samples/handbook
QUESTIONS ?= samples/questions.jsonl

.DEFAULT_GOAL := help
.PHONY: help up test test-long test-services test-handbook check lint types templates lock audit-deps bench clean-data

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## install what is missing, fetch the models, start everything, print the address
	@exec $(PYTHON) sovereign/setup

test: ## install what the tests need and run them, the network closed
	@$(PYTHON) sovereign/setup --for-tests
	$(VENV)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-long: ## the tests that take minutes: every way out, planted words in every sink, hostile pages, strace
	@$(PYTHON) sovereign/setup --for-tests
	$(VENV)/python -m pytest -m long -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-services: ## the database's tests on PostgreSQL, and what compose runs, with Debian's PostgreSQL and Redis
	@$(PYTHON) sovereign/setup --for-tests
	$(VENV)/python -m tests.services $(PYTEST_ARGS)

test-handbook: ## the tests on the handbook corpus that SOVEREIGN_TEST_HANDBOOK names
	@test -d "$${SOVEREIGN_TEST_HANDBOOK:-}" || { echo "Set SOVEREIGN_TEST_HANDBOOK to the folder of the corpus."; exit 1; }
	@$(PYTHON) sovereign/setup --for-tests
	$(VENV)/python -m pytest -m handbook $(PYTEST_ARGS)

check: lint types templates ## lint, types and templates

lint: ## ruff, import-linter, missing migrations
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports
	$(VENV)/python manage.py makemigrations --check --dry-run --settings tests.settings

types: ## mypy in strict mode
	$(VENV)/mypy .

templates: ## djlint on the templates
	$(VENV)/djlint templates --lint --quiet

lock: ## pin requirements/*.in with hashes, moving nothing that is pinned (UPGRADE=--upgrade: everything)
	$(LOCK) requirements/base.in --excludes requirements/excludes.txt -o requirements/base.txt
	$(LOCK) requirements/dev.in --excludes requirements/excludes.txt -o requirements/dev.txt

audit-deps: ## ask for published advisories of the pinned packages (the one verb besides lock and up that needs the network)
	$(VENV)/python -m requirements.audit

bench: ## measure retrieval, answers and kills on the sample corpus (CORPUS=, QUESTIONS= for another)
	$(VENV)/python -m bench.retrieval --corpus $(CORPUS) --questions $(QUESTIONS)
	$(VENV)/python -m bench.answers --corpus $(CORPUS) --questions $(QUESTIONS)
	$(VENV)/python -m bench.crash

clean-data: ## erase the data of this checkout (var/): documents, accounts, answers
	@$(PYTHON) sovereign/setup --clean-data
