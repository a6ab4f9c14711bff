PYTHON ?= .venv/bin/python

.PHONY: setup check test test-tools test-extras test-interpreted test-bounds bench fuzz networks signals kills search golden chips papers format frameworks

setup:  ## a virtual environment with everything that the checks need; torch is for the training tools
	python3 -m venv .venv
	$(PYTHON) -m pip install -q -e '.[dev,search,dask,parquet]'
	$(PYTHON) -m pip install -q 'torch>=2.4' --extra-index-url https://download.pytorch.org/whl/cpu
	$(MAKE) frameworks PYTHON=$(PYTHON)

frameworks:  ## what tests/doors and NeuroBench's numbers need beside torch; without their dependencies, which are for what no test does
	$(PYTHON) -m pip install -q loguru tqdm scikit-learn
	$(PYTHON) -m pip install -q --no-deps snntorch==1.0.0 spikingjelly==2.0.0 norse==1.1.0 nirtorch neurobench==2.3.0

check:  ## lint, types, import directions
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

test:  ## the suite
	$(PYTHON) -m pytest -n auto --dist worksteal

test-tools:  ## tests that need torch, frameworks, atheris or ruff, of which none may be skipped; those of signals and kills need neither and take long
	HWSIM_NO_SKIPS=1 $(PYTHON) -m pytest -q -n auto --dist worksteal tests/tools tests/contract/test_new_machine.py --ignore tests/tools/test_signals.py --ignore tests/tools/test_kills.py
	HWSIM_NO_SKIPS=1 $(PYTHON) -m pytest -q -n auto --dist worksteal tests/doors tests/oracle/test_torch.py
	HWSIM_NO_SKIPS=1 $(PYTHON) -m pytest -q tests/test_examples.py -k "README or own-network or example_scripts"

test-extras:  ## tests that need optuna, dask, pyarrow or a browser, of which none may be skipped
	HWSIM_NO_SKIPS=1 $(PYTHON) -m pytest -q tests/sweeps/test_dask.py tests/sweeps/test_search.py tests/sweeps/test_judging.py tests/sweeps/test_page.py tests/sweeps/test_guide.py tests/comparison/test_compare_page.py tests/view/test_report_page.py

test-interpreted:  ## engines, kernels, traces and machines without compiled kernels, but for tests that run none
	NUMBA_DISABLE_JIT=1 $(PYTHON) -m pytest -q -n auto --dist worksteal -m "not no_kernel" tests/engine tests/kernels tests/traces tests/accelerators

test-bounds:  ## the same with kernels that check every index of every array; takes five minutes
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.cache/bounds $(PYTHON) -m pytest -q -n auto --dist worksteal tests/engine tests/kernels tests/traces tests/accelerators/imc tests/contract/test_golden_reports.py

bench:  ## benchmarks; they print throughput and a ratio to a yardstick in the same run
	$(PYTHON) -m pytest benchmarks -s

fuzz:  ## 100,000 inputs that nobody would write for each reader, and as many guided by coverage where atheris is; takes hours
	$(PYTHON) tools/fuzz.py all --cases 100000 --seed $${SEED:-1} --jobs $${JOBS:-2} --out .cache/fuzz
	! $(PYTHON) -c "import atheris" 2>/dev/null || \
	$(PYTHON) tools/fuzz.py all --guided --cases 100000 --seed $${SEED:-1} --jobs $${JOBS:-2} --out .cache/fuzz

networks:  ## 2,000 drawn networks against plain Python of the format's page and brute-force counts; takes ten minutes
	$(PYTHON) tools/networks.py --networks 2000 --seed $${SEED:-1} --jobs $${JOBS:-2}

signals:  ## 300 signals at random moments of commands that write; takes ten minutes
	$(PYTHON) tools/signals.py --signals 300 --seed $${SEED:-1}

kills:  ## 200 kills at random moments of a sweep of 300 points, over processes and dask; takes ten minutes
	$(PYTHON) tools/kills.py --kills 200 --seed $${SEED:-1}

search:  ## NSGA-II with 300 trials beside a whole grid of 2,000 points, five seeds; takes half an hour
	$(PYTHON) tools/search_check.py --out .cache/search --jobs $${JOBS:-2}

golden:  ## write tests/contract/golden anew; read the difference before keeping it
	PYTHONPATH=tests:tools $(PYTHON) tests/contract/test_golden_reports.py

chips:  ## compare chips of arch/published anew and write what documents show of it; half a minute
	$(PYTHON) tools/validate.py --write

papers:  ## set papers' claims beside what is found and write what documents show of it; takes minutes
	$(PYTHON) tools/reproduce.py --all --write

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
