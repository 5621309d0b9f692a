# The front door. `make up` runs a registry here; `make test` runs the tests; `make check` is the gate.
PORT ?= 5000
DATA ?= .roadstead
AUTH ?= off
SIGNUP ?= closed
CHALLENGE ?= basic
ACCESS ?= open
# on: as on AWS, with its limits. GATEWAY=on adds a gateway to that.
AWS_LIMITS ?= off
GATEWAY ?= off
# Networks beside the public internet that webhooks may lead to, as 127.0.0.0/8.
WEBHOOK_NETWORKS ?=
# Test files side by side; much of their time is waiting for servers. Without CI in the environment,
# because pytest then prints whole layers where two differ.
WORKERS ?= 3
TIMES ?= 20
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help up test clients-table conformance check lint types imports docs docs-check templates package terraform lock clean bench ended-team properties

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

# The interpreter: python3.11 by name, else a python3 that is 3.11 or newer.
$(VENV)/local.stamp: requirements.txt requirements-gateway.txt requirements-local.txt pyproject.toml
	@test -x $(BIN)/python || { \
	  py=$$(command -v $(PYTHON) || command -v python3 || true); \
	  test -n "$$py" && "$$py" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: Python 3.11 is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }; \
	  "$$py" -m venv $(VENV) || { \
	    echo "make: Python could not make a virtual environment. On Debian: apt-get install python3.11-venv"; exit 1; }; }
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-local.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/local.stamp requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

up: $(VENV)/local.stamp ## run a registry in the foreground: PORT=5000 DATA=.roadstead AUTH=off|on SIGNUP=closed|invitation|open CHALLENGE=basic|bearer AWS_LIMITS=off|on GATEWAY=off|on WEBHOOK_NETWORKS=127.0.0.0/8
	@exec $(BIN)/roadstead up --port $(PORT) --data $(DATA) --auth $(AUTH) --signup $(SIGNUP) --challenge $(CHALLENGE) $(if $(filter on,$(AWS_LIMITS)),--aws-limits) $(if $(filter on,$(GATEWAY)),--gateway) $(if $(WEBHOOK_NETWORKS),--webhook-networks $(WEBHOOK_NETWORKS))

test: $(VENV)/dev.stamp ## run all tests; a client that is missing is named as not run
	env -u CI -u BUILD_NUMBER $(BIN)/pytest -n $(WORKERS) --dist loadfile

clients-table: $(VENV)/dev.stamp ## every client x size x way in on AWS's limits, 300 MB too: minutes
	@bash .ci/goclients.sh
	ROADSTEAD_TEST_TABLE=whole $(BIN)/pytest tests/awslimits/test_clients.py

conformance: $(VENV)/dev.stamp ## the OCI conformance programme, every option on, against a gateway: ACCESS=open|basic|bearer
	@bash .ci/goclients.sh
	$(BIN)/python -m tests.oci.run --access $(ACCESS) build/conformance

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports

docs: $(VENV)/dev.stamp ## write the generated pages: docs/api.md, docs/clients.md, docs/v1-differences.md
	$(BIN)/python -m roadstead.gendocs
	$(BIN)/python -m tests.awslimits.clientsdoc
	$(BIN)/python -m tests.conformance.differences

docs-check: $(VENV)/dev.stamp
	$(BIN)/python -m roadstead.gendocs --check
	$(BIN)/python -m tests.awslimits.clientsdoc --check
	$(BIN)/python -m tests.conformance.differences --check

package: $(VENV)/local.stamp ## build what is deployed into build/package; LAMBDA_PYTHON=/path/to/python3.12 adds bytecode
	$(BIN)/python -m roadstead.package

terraform: $(VENV)/local.stamp ## the same for Terraform, as far as Chalice gives it: build/terraform
	$(BIN)/python -m roadstead.package terraform --out build/terraform

lock: $(VENV)/local.stamp ## after a change of requirements.txt: write infra/wheels.txt anew
	$(BIN)/python -m roadstead.package lock

# The templates as CloudFormation would get them, before and after SAM; no AWS account is asked.
templates: $(VENV)/dev.stamp
	$(BIN)/python -m roadstead.package
	$(BIN)/python -m roadstead.package.translate build/package/app.json build/package/app-translated.json
	$(BIN)/cfn-lint infra/data.json infra/end.json build/package/explain.json build/package/app.json build/package/app-translated.json

check: lint types imports docs-check templates test ## the gate: all of it

bench: $(VENV)/dev.stamp ## figures against Debian's docker-registry, and memory; minutes
	$(BIN)/python -m benchmarks.coldstart
	$(BIN)/python -m benchmarks.warm
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.peer

properties: $(VENV)/dev.stamp ## search: TIMES as many random cases of each property, other ones each time
	ROADSTEAD_TEST_TIMES=$(TIMES) $(BIN)/pytest -n $(WORKERS) --dist loadfile -m hypothesis --timeout 3600

ended-team: $(VENV)/dev.stamp ## a team that lives for a minute, from its making to an empty table and bucket
	$(BIN)/python -m benchmarks.ended_team

clean: ## remove what make has made; data folders stay
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
