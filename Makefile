.PHONY: setup setup-dev test check shell
PYTHON ?= python3

setup:
	@$(PYTHON) scripts/setup.py base

setup-dev:
	@$(PYTHON) scripts/setup.py dev

test: setup-dev
	@.venv/bin/python -m pytest -q

check: setup-dev
	@.venv/bin/python scripts/check.py

shell: setup
	@DJANGO_SETTINGS_MODULE=kehu.host.settings .venv/bin/python -m django shell
