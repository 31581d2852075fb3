#!/usr/bin/env bash
# Snakemake runs this in a new environment: install the package that the rules belong to.
set -euo pipefail
version=0.1.0 # a new one makes a new environment: its name is a digest of this text too
source=${MULTISCOPE_SOURCE:?is not set: name what pip installs multiscope $version from, a checkout, wheel or git+URL}
if [[ -d $source ]]; then
	pip install --no-deps --no-build-isolation --editable "$source"
else
	pip install --no-deps --no-build-isolation "$source"
fi
found=$(python -c 'from importlib.metadata import version; print(version("multiscope"))')
if [[ $found != "$version" ]]; then
	echo "MULTISCOPE_SOURCE: $source is multiscope $found, but these rules are of $version; name that one" >&2
	exit 2
fi
