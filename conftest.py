"""Makes the clone importable as ansible_collections.obol.dv, and finds the shared test vectors."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parent
sys.path.insert(0, str(ROOT / "collections"))
VECTORS = pathlib.Path(os.environ.get("OBOL_DV_VECTORS", ROOT.parent / "shared" / "vectors"))


@pytest.fixture(scope="session")
def vectors():
    """The folder of foreign test vectors; tests that need it are skipped where it is absent."""
    if not VECTORS.is_dir():
        pytest.skip("no test vectors at %s (set OBOL_DV_VECTORS)" % VECTORS)
    return VECTORS
