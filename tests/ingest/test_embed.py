import pytest

from ingest.embed import BUNDLED, open_embedder
from ingest.protocols import Embedder
from tests.contracts import EmbedderContract
from tests.fakes import FakeEmbedder


class TestFakeEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return FakeEmbedder()


@pytest.fixture(scope="module")
def bundled() -> Embedder:
    return open_embedder(BUNDLED)


@pytest.mark.slow
class TestBundledEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, bundled: Embedder) -> Embedder:
        return bundled
