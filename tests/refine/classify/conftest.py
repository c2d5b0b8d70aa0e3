"""What the tests of scans share: imports."""

from tests.collect.conftest import bring, kehu  # noqa: F401  (fixtures)
