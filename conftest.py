"""Makes the clone importable as ansible_collections.obol.dv, and finds the shared test vectors."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parent
# In a clone a link leads back here; ansible-test works on a copy that lies where Ansible wants it.
COLLECTIONS = ROOT / "collections" if (ROOT / "collections").is_dir() else ROOT.parents[2]
VECTORS = pathlib.Path(os.environ.get("OBOL_DV_VECTORS", ROOT.parent / "shared" / "vectors"))
sys.path.insert(0, str(COLLECTIONS))


@pytest.fixture(scope="session")
def collections_path():
    """Where Ansible finds this collection (str)."""
    return str(COLLECTIONS)


@pytest.fixture(scope="session")
def vectors():
    """The folder of foreign test vectors; tests that need it are skipped where it is absent."""
    if not VECTORS.is_dir():
        pytest.skip("no test vectors at %s (set OBOL_DV_VECTORS)" % VECTORS)
    return VECTORS
