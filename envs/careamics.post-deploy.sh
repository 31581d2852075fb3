#!/usr/bin/env bash
# Snakemake runs this in the new environment, in the folder of the workflow: install the package from there.
set -euo pipefail
pip install --no-deps --no-build-isolation --editable .
