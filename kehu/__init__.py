"""Kehu 客护: customer information held, used and erased under one gate."""

__version__ = "0.1.0"
