# Two commands matter: `make demo` and `make test`. Both create .venv from envs/lock.txt when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SLURM_TESTS ?= tests/slurm
# the rules call `multiscope` by name
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" snakemake

.DEFAULT_GOAL := help
.PHONY: help env demo real test test-slurm test-envs lint format docs lock clean distclean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

env: $(VENV)/.ready  ## create the environment in .venv

# pip refuses anything whose hash is not in the lock; the package itself is installed in place, offline.
$(VENV)/.ready: envs/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "multiscope needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.11 ..." >&2; exit 2; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r envs/lock.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: env  ## run the whole chain on generated data; ends in results/report/index.html
	$(SNAKEMAKE)

real: env  ## run the chain on real images: make real DATA=/path/to/data
	@test -n "$(DATA)" || { echo "say where the images are: make real DATA=/path/to/data (see examples/real.yaml)" >&2; exit 2; }
	$(SNAKEMAKE) --configfile examples/real.yaml --config "data_root=$(DATA)"

test: env  ## run all tests, in two processes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slurm: env  ## run the tests on a real Slurm, started for them (Debian, as root; in CI, where there can be one)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.slurm.cluster $(if $(CI),try,run) \
		$(BIN)/python -m pytest -v -n 3 --dist load --maxschedchunk 1 -m slurm $(SLURM_TESTS)

test-envs: env  ## make each environment of envs/ and run its rules in it (network, 10 GB, an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -v -m envs tests/envs

lint: env  ## ruff, mypy, snakefmt, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

format: env  ## format Python and Snakemake files
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

docs: env  ## regenerate what is generated: config schema, docs/configuration.md, the rule graph
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m multiscope.docs

lock: env  ## resolve envs/lock.txt anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o envs/lock.txt

clean:  ## remove results, logs and caches; the environment stays
	rm -rf results logs run_benchmarks .snakemake .pytest_cache .mypy_cache .ruff_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove the environment
	rm -rf $(VENV)
