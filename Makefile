# `make help` lists what there is. Every target that needs the virtual environment makes it first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON := .venv/bin/python

.PHONY: help run test test-unit lint kill-test bench bench-flows bench-portal up down status logs clean venv system

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: venv ## start everything, play requests and a sample day, stay up until Ctrl-C (ONCE=1: end by itself; SEARCH=0: no Elasticsearch)
	@$(PYTHON) -m stack install $(if $(filter 0,$(SEARCH)),,--search)
	@exec $(PYTHON) -m stack run $(if $(ONCE),--once) $(if $(COUNT),--count $(COUNT)) $(if $(filter 0,$(SEARCH)),--no-search)

test: venv system ## lint, then unit, integration, client, e2e and short chaos tests, on services of their own
	@$(MAKE) --no-print-directory lint
	@$(PYTHON) -m pytest tests/unit -n auto --dist loadfile $(PYTEST)
	-@$(PYTHON) -m stack.npm tests/clients/js >/dev/null
	@tests/all.sh $(PYTHON) $(PYTEST)

test-unit: venv ## unit tests only: no service, two minutes
	@$(PYTHON) -m pytest tests/unit -n auto --dist loadfile $(PYTEST)

lint: venv ## ruff check, ruff format --check, mypy --strict
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

kill-test: venv system ## the chaos tests at full length: workers and services are killed, nothing is lost
	@code=0; $(PYTHON) -m tests.chaos.kill $(KILL) || code=1; $(PYTHON) -m tests.chaos.table $(TABLE) || code=1; \
	  $(PYTHON) -m tests.chaos.plans $(PLANS) || code=1; $(PYTHON) -m tests.chaos.plans --unsafe || code=1; \
	  $(PYTHON) -m tests.chaos.day $(DAY) || code=1; $(PYTHON) -m tests.chaos.mutated $(MUTATED) || code=1; exit $$code

bench: venv system ## benchmarks, each beside its peers; raw figures go to bench/results
	@$(PYTHON) -m bench $(BENCH)

bench-portal: venv system ## the gateway at the portal's limit: a table, each row beside the limit (ROWS="adds mix": only these)
	@$(PYTHON) -m bench.portal $(ROWS)

bench-flows: venv system ## the flows: events to plans, products into the index, settlements at the portal's limit, portal calls each
	@$(PYTHON) -m bench.flows $(ROWS)

up: venv ## start Kafka, RabbitMQ, the simulated portal and leave them running (WORKER=1: a worker, SEARCH=1: Elasticsearch, too)
	@$(PYTHON) -m stack install $(if $(filter 1,$(SEARCH)),--search)
	@$(PYTHON) -m stack up $(if $(WORKER),--worker) $(if $(filter 1,$(SEARCH)),--search)

down: venv ## stop what `make up` started; the data stays
	@$(PYTHON) -m stack down

status: venv ## what of `make up` runs, and its addresses
	@$(PYTHON) -m stack status || [ $$? = 3 ]

logs: venv ## the logs of `make up`, followed until Ctrl-C (ONCE=1: the ends only)
	@exec $(PYTHON) -m stack logs $(if $(ONCE),--once)

clean: ## stop what `make up` started; remove .venv, .local and caches
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m stack down; fi
	@rm -rf .venv .local build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

venv:
	@stack/venv.sh

system:
	@$(PYTHON) -m stack install --test
