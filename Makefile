.PHONY: setup setup-dev demo test check prove spark crash fuzz bench bench-full shell
PYTHON ?= python3
# the fast half of each measurement; `make bench-full` runs all of it, up to a million records
BENCH ?= --short

setup:
	@$(PYTHON) scripts/setup.py base

setup-dev:
	@$(PYTHON) scripts/setup.py dev

demo: setup
	@exec .venv/bin/kehu demo

test: setup-dev
	@.venv/bin/python scripts/check.py --tests

check: setup-dev
	@.venv/bin/python scripts/check.py

# switches every protection off once, in a copy, and sees its tests fail
prove: setup-dev
	@.venv/bin/python scripts/prove.py $(PROMISE)

# linkage on Spark alone: installs pyspark and, as root, Java 17, where its tests would be skipped
spark: setup-dev
	@.venv/bin/python scripts/java.py
	@.venv/bin/python -m pytest -q tests/refine/test_spark.py

# kills web, inbox and database two hundred times while channels send, and counts what was acknowledged
crash: setup-dev
	@.venv/bin/python -m tests.crash

# ten thousand mutated payloads for each endpoint that strangers write to, files and pages included; the tests take 200
fuzz: setup-dev
	@KEHU_FUZZ=$(or $(FUZZ),10000) .venv/bin/python -m pytest -q $$(grep -rl KEHU_FUZZ tests) -k "mutated or signed_wrongly or hostile or fuzz or whatever_comes"

bench: setup-dev
	@.venv/bin/python -m bench $(BENCH)

bench-full: setup-dev
	@.venv/bin/python -m bench --full

shell: setup
	@.venv/bin/python scripts/shell.py
