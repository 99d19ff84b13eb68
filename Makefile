# The workshop in one place. `make` alone prints the commands.

# An interpreter of a tested version, else one that is newer still; name another with `make up PYTHON=...`.
# It is looked for once, and only by the commands that need it.
PYTHON ?= $(eval PYTHON := $(shell for bound in 14 99; do for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, $$bound))" 2>/dev/null && echo "$$p" && exit; \
	done; done))$(PYTHON)
STACK ?= local
export STACK JOB JOBS TO THRESHOLD REQUEST YES LOCALCLOUD_PORT
# Some machines tell Python to keep no compiled modules (compiling the SDKs again would cost every `up` 3 s; git ignores
# them), or to import none from the current folder. Neither is possible here.
unexport PYTHONDONTWRITEBYTECODE PYTHONSAFEPATH

RUN := .local/venv/bin/python -m
SETUP = $(if $(PYTHON),$(PYTHON),$(error Python 3.11 or newer is needed and none was found; install one or name it with PYTHON=...)) -m localcloud.setup
COMMAND = $(SETUP) $(if $(filter local,$(STACK)),local,dev) && $(RUN) localcloud.commands
# In a checkout in which no local cloud ever ran, these commands have nothing to do, and install nothing.
IF_IT_RAN = test "$(STACK)" != local -o -e .local/run || { echo "the local cloud does not run; \`make up\` starts it"; exit 0; };

FAST_LINT = $(RUN) ruff format --check . && $(RUN) ruff check .
TYPES = .local/venv/bin/basedpyright
CONTRACT_AND_DEAD_CODE = .local/venv/bin/lint-imports --no-logo && $(RUN) vulture

.DEFAULT_GOAL := help
.PHONY: help up preview destroy down reset retry tick status logs shell results compare report cost leftovers preflight crds model \
	model-archive \
	setup test lint soak bench

help: ## Print this list
	@echo "A SageMaker batch-inference workshop. STACK=local (default) needs no AWS account; STACK=dev acts on yours."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

up: ## Set up, start the local cloud, deploy the stack, run its jobs, print rows and metrics of each
	@$(COMMAND) up
preview: ## Print what `make up` would do
	@$(COMMAND) preview
destroy: ## Remove everything that the stack created, and check by listing
	@$(IF_IT_RAN) $(COMMAND) destroy
down: ## Destroy, then stop the local cloud
	@$(IF_IT_RAN) $(COMMAND) down
reset: ## Stop the local cloud and delete its state
	@$(IF_IT_RAN) $(COMMAND) reset
retry: ## Run a job again: make retry JOB=churn
	@$(COMMAND) retry
tick: ## Run a scheduled job now: make tick JOB=nightly
	@$(COMMAND) tick
status: ## What runs, where, since when
	@$(IF_IT_RAN) $(COMMAND) status
logs: ## The logs of the local cloud's parts
	@$(IF_IT_RAN) $(COMMAND) logs
shell: ## A shell in which pulumi, kubectl, kubectl smlogs and aws act on the stack
	@$(COMMAND) shell
results: ## A job's result as a table, or into a file: make results JOB=churn TO=churn.csv (or .parquet)
	@$(COMMAND) results
compare: ## Two jobs with the same labels side by side: make compare JOBS="churn challenger"
	@$(COMMAND) compare
report: ## A job's result as a page that opens offline: make report JOB=churn
	@$(SETUP) report && $(RUN) localcloud.commands report
cost: ## The cost of the stack on AWS, by the hour and by the job
	@$(COMMAND) cost
leftovers: ## List everything that has the stack's tags
	@$(COMMAND) leftovers
preflight: ## Check an AWS account before the first up; REQUEST=1 asks for quotas: make preflight STACK=dev
	@$(COMMAND) preflight
crds: ## Bring the operator's CRDs in the cluster to chartVersion
	@$(COMMAND) crds
model: ## Make the churn data, the model archive and the batch input again
	@$(SETUP) model && $(RUN) model.train
model-archive: ## Pack a model of your own that xgboost saved: make model-archive FILE=model.json
	@$(SETUP) model && $(RUN) model.archive $(or $(FILE),$(error Name the model file: make model-archive FILE=model.json))
setup: ## Install everything that up and test need, and start nothing
	@$(SETUP) tests
lint: setup ## Format, lint, types, import contract, dead code
	@$(FAST_LINT)
	@$(TYPES) && $(CONTRACT_AND_DEAD_CODE)
# Types take a minute: they are checked while the tests run, unless nothing has changed since they were found right, and
# the result is printed when it is known.
test: setup ## Set up, then lint and every test
	@$(FAST_LINT)
	@{ { $(RUN) tests.unchanged basedpyright && $(CONTRACT_AND_DEAD_CODE); } > .local/lint.log 2>&1; code=$$?; echo; cat .local/lint.log; exit $$code; } & lint=$$!; \
	$(RUN) pytest -q -n 2 --dist loadgroup --no-loadscope-reorder --durations 10; tests=$$?; \
	wait $$lint || { echo "lint failed: see above, or .local/lint.log"; exit 1; }; exit $$tests
soak: setup ## The long random walks, the long tables of cases, new examples for properties; prints its seed
	@$(RUN) pytest -m "soak or hypothesis" --hypothesis-profile=soak -p no:cacheprovider -s -o timeout=0 -o faulthandler_timeout=0
bench: setup ## Benchmarks side by side with their peers
	@$(RUN) bench
