# Everything runs in .venv, made from the hashed requirements; nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Who only tries it out need not wait for the tools of tests and documentation.
INSTALLED := $(VENV)/.installed
STAMP := $(VENV)/.stamp
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
# Each target with a line of help.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*## .*/\1/p' $(MAKEFILE_LIST))

help:  ## Show this list.
	@sed -n -e 's/^##@ \(.*\)/\n\1/p' -e 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(INSTALLED)  ## Run one Agent from creation to deletion, with no cluster (FILE=... for your own).
	@$(BIN)/agentctl demo $(or $(FILE),examples/hello.yaml)

test: $(STAMP)  ## Run all checks and tests, independent tiers side by side.
	@$(MAKE) --no-print-directory --jobs=2 --keep-going e2e lint types imports docs unit browser proof packaging

##@ Parts of it

lint: $(STAMP)  ## Check style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## Check types with mypy and pyright.
	$(BIN)/mypy
	$(BIN)/pyright

imports: $(STAMP)  ## Check the layers and what the core may import.
	$(BIN)/lint-imports

unit: $(STAMP)  ## Run the unit and property tests.
	$(BIN)/pytest -n 2 tests/unit

docs: $(STAMP)  ## Build the documentation into build/docs.
	$(BIN)/sphinx-build --builder html --nitpicky --fail-on-warning --keep-going --fresh-env --quiet docs build/docs

proof: $(STAMP)  ## Explore every order of steps and faults on the model cluster; find known bugs.
	$(BIN)/pytest -n 2 --dist worksteal tests/proof

# Not by a prerequisite: `make test` would come back to the tests only after all that runs beside them has been started.
e2e: $(STAMP)  ## Run the end-to-end tests on a real control plane and node.
	@$(MAKE) --no-print-directory cluster
	$(BIN)/pytest -n 2 tests/e2e

browser: $(STAMP)  ## Look at the HTML pages in Chromium, which comes from Debian's packages.
	$(BIN)/pytest tests/browser

packaging: $(STAMP)  ## Install the built wheel into clean environments and use it there.
	$(BIN)/pytest tests/packaging

##@ More of it, and measurements

cluster: $(STAMP)  ## Build what the end-to-end tests run on, where it is not there yet: some 20 minutes.
	$(BIN)/python -m tests.e2e.cluster

nightly: cluster  ## Long random runs: faults, arbitrary bytes, a kill at every write, a soak.
	AGENTCTL_EXAMPLES=20000 $(BIN)/pytest -n 2 tests/proof/test_convergence.py
	AGENTCTL_FUZZ_EXAMPLES=20000 $(BIN)/pytest -n 2 tests/unit/runtime/test_fuzz.py tests/unit/runtime/test_registry.py
	AGENTCTL_NIGHTLY=1 $(BIN)/pytest -n 2 tests/e2e/test_network_faults.py tests/e2e/test_kill.py
	$(MAKE) --no-print-directory soak

soak: cluster  ## Change, kill and disturb everything for 20 minutes (LENGTH=seconds, SEED=...).
	AGENTCTL_SOAK_SECONDS=$(or $(LENGTH),1200) AGENTCTL_SOAK_SEED=$(SEED) $(BIN)/pytest tests/e2e/test_soak.py

poison: cluster  ## Measure 100 Agents beside one whose every call fails (FAULT=fast, slow or 429).
	$(BIN)/python -m bench.poison --fault $(or $(FAULT),slow)

latency: cluster  ## Measure how long an Agent takes to be ready on a real node (RUNS=20).
	$(BIN)/python -m bench.node_latency --runs $(or $(RUNS),20)

bench: cluster  ## Measure the operator beside kopf and bare loops (ARGS="--agents 200 --rounds 1").
	@# Measured as it is installed by users: without what the tools of development bring along.
	@$(MAKE) --no-print-directory VENV=build/operator build/operator/.installed
	$(BIN)/python -m bench.operators $(ARGS)

flame: cluster  ## Draw where the operator's and a decision's time goes, as flame graphs in docs/benchmarks.
	@$(MAKE) --no-print-directory VENV=build/operator build/operator/.installed
	$(BIN)/python -m bench.flame

mutation: $(STAMP)  ## Mutation tests of the core, half an hour; goes on where it was stopped.
	$(BIN)/python -m tools.mutation run $(MODULES)

mutation-changed: $(STAMP)  ## Mutation tests of the modules that differ from main, or BASE=...
	$(BIN)/python -m tools.mutation changed $(BASE)

##@ What is generated

proof-doc: $(STAMP)  ## Write the figures of docs/proof.md anew.
	$(BIN)/python -m tools.proof_doc

tables: $(STAMP)  ## Write docs/failures.md, and what other pages have from the code, anew.
	$(BIN)/python -m tools.failures_doc
	$(BIN)/python -m tools.lifecycle_doc
	$(BIN)/python -m tools.operations_doc
	$(BIN)/python -m tools.validate_doc

crd: $(STAMP)  ## Write crds/agents.yaml anew from the model.
	$(BIN)/agentctl crd > crds/agents.yaml

# Without the warning that nothing tells who needs whom: a lock is a flat list.
sbom: $(STAMP)  ## Write what the operator's lock holds as CycloneDX (SBOM=FILE).
	@mkdir -p $(dir $(SBOM))
	$(BIN)/python -W ignore -m cyclonedx_py requirements requirements/operator.txt --pyproject pyproject.toml \
	  --output-reproducible --output-file $(SBOM)
SBOM ?= dist/agentctl.cdx.json

manifests: cluster crd  ## Write deploy/install.yaml and the chart's values and files anew.
	$(BIN)/python -m tools.manifests

golden: $(STAMP)  ## Write tests/golden anew: what each example comes to.
	$(BIN)/python -m tools.golden
	$(BIN)/python -m tests.unit.core.decisions

pictures: $(STAMP)  ## Write the pictures of agentctl at work in docs/pictures anew.
	$(BIN)/python -m tools.pictures

api: $(STAMP)  ## Write tests/golden/api.txt anew: what others may import and call.
	$(BIN)/python -m tools.public_api

core-v1: $(STAMP)  ## Write the embedded core/v1 schemas and Go types anew from Kubernetes' sources.
	cd tests/e2e/cluster/kubernetes && go mod download k8s.io/kubernetes
	$(BIN)/python -m tools.embed_core_v1 \
	  $$(cd tests/e2e/cluster/kubernetes && go list -m -f '{{.Dir}} {{.Version}}' k8s.io/kubernetes | sed 's, ,/api/openapi-spec/v3/api__v1_openapi.json ,')
	$(BIN)/python -m tools.embed_go_types \
	  $$(cd tests/e2e/cluster/kubernetes && go list -m -f '{{.Dir}}' k8s.io/api k8s.io/apimachinery) \
	  $$(cd tests/e2e/cluster/kubernetes && go list -m -f '{{.Version}}' k8s.io/kubernetes)
	$(BIN)/ruff format --quiet src/agentctl_core/_core_v1.py src/agentctl_core/_core_v1_docs.py \
	  src/agentctl_core/testing/_go_types.py

lock: $(STAMP)  ## Write the hashed requirements anew, with the newest releases.
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra operator -o requirements/operator.txt
	$(BIN)/uv pip compile $(LOCK) --group build -o requirements/build.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra operator --extra testing --extra tracing --group dev -o requirements/dev.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

format: $(STAMP)  ## Format the sources.
	$(BIN)/ruff format .

clean:  ## Remove what was made here; the cache of built control planes stays.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants

$(INSTALLED): requirements/operator.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "agentctl needs Python 3.11 or newer: set PYTHON=...")'
	@echo "making $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements/operator.txt --requirement requirements/build.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP): requirements/dev.txt $(INSTALLED)
	@echo "adding the tools of tests and documentation to $(VENV) (once)"
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@
