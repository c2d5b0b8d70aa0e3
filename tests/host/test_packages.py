"""What this machine's pip is told of indexes and certificates holds for uv, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.packages import as_uv_knows_it


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of pip's settings, and nothing said to uv itself."""
    for name in ("PIP_FIND_LINKS", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://packages.example/simple\n"
        "extra-index-url =\n    https://one.example/simple\n    https://two.example/simple\n"
        "find-links = first second\ncert = above.pem\n[install]\ncert = certificates.pem\nno-compile = yes\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    return file


def test_indexes_links_and_certificates_are_handed_on(told: Path) -> None:
    said = as_uv_knows_it(Path(sys.executable))
    assert said["UV_DEFAULT_INDEX"] == "https://packages.example/simple"
    assert said["UV_INDEX"].endswith("https://one.example/simple https://two.example/simple")
    assert said["UV_FIND_LINKS"] == "first,second"
    assert said["SSL_CERT_FILE"] == "certificates.pem"


def test_what_is_said_to_uv_itself_stands(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")
    monkeypatch.setenv("PIP_CERT", "from-the-environment.pem")
    said = as_uv_knows_it(Path(sys.executable))
    assert "UV_DEFAULT_INDEX" not in said
    assert said["SSL_CERT_FILE"] == "from-the-environment.pem"
