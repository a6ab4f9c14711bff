PYTHON ?= .venv/bin/python

.PHONY: check test bench format

check:  ## lint, types, import directions
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

test:
	$(PYTHON) -m pytest -n auto

bench:
	$(PYTHON) -m pytest benchmarks --benchmark-only -s

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
