import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ingest import bundled
from ingest.embed import open_embedder, open_token_counter
from ingest.errors import ModelUnavailable
from ingest.protocols import Embedder
from tests.contracts import EmbedderContract
from tests.fakes import FakeEmbedder, count_tokens

TEXTS = [
    "KV cache 保存已经算过的键和值，于是每一步只需计算新词元。",
    "Grouped-query attention shares one key head among several query heads.",
    "温度为 0.7～1.0；ＴＯＰ－Ｐ　采样😀",
    "def softmax(x):\n    e = np.exp(x - x.max())\n    return e / e.sum()",
    "| 方法 | 显存 |\n|---|---|\n| LoRA | 16 GB |",
    "短",
]


class TestFakeEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return FakeEmbedder()


def test_the_fake_counts_characters_that_are_not_white_space() -> None:
    assert count_tokens(["a b\n", "", "显存"]) == [2, 0, 2]


@pytest.fixture(scope="module")
def embedder_bundled() -> Embedder:
    return open_embedder("bundled")


@pytest.fixture(scope="module")
def embedder_of_a_folder() -> Embedder:
    return open_embedder(str(bundled.sentence_transformers_folder()))


@pytest.mark.slow
class TestBundledEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, embedder_bundled: Embedder) -> Embedder:
        return embedder_bundled

    def test_a_text_has_the_same_vector_alone_as_beside_others(self, embedder: Embedder) -> None:
        alone = np.concatenate([embedder.embed_passages([text]) for text in TEXTS])
        np.testing.assert_allclose(embedder.embed_passages(TEXTS * 3)[: len(TEXTS)], alone, atol=1e-5)

    def test_a_text_counts_up_to_512_tokens(self, embedder: Embedder) -> None:
        longer, long = embedder.embed_passages(["模" * 2000, "模" * 600])
        np.testing.assert_array_equal(longer, long)

    def test_queries_and_passages_have_different_vectors(self, embedder: Embedder) -> None:
        similarity = (embedder.embed_queries(TEXTS) * embedder.embed_passages(TEXTS)).sum(axis=1)
        assert (similarity < 0.99).all()

    def test_opening_it_again_gives_the_same_fingerprint(self, embedder: Embedder) -> None:
        assert open_embedder("bundled").fingerprint == embedder.fingerprint
        assert embedder.fingerprint.startswith("multilingual-e5-small ")


@pytest.mark.slow
class TestSentenceTransformersEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, embedder_of_a_folder: Embedder) -> Embedder:
        return embedder_of_a_folder

    def test_it_agrees_with_the_bundled_model_on_the_same_weights(
        self, embedder: Embedder, embedder_bundled: Embedder
    ) -> None:
        queries = (embedder.embed_queries(TEXTS) * embedder_bundled.embed_queries(TEXTS)).sum(axis=1)
        passages = (embedder.embed_passages(TEXTS) * embedder_bundled.embed_passages(TEXTS)).sum(axis=1)
        assert queries.min() > 0.998
        assert passages.min() > 0.998

    def test_its_fingerprint_stays_the_same_and_is_its_own(
        self, embedder: Embedder, embedder_bundled: Embedder
    ) -> None:
        folder = str(bundled.sentence_transformers_folder())
        assert open_embedder(folder).fingerprint == embedder.fingerprint
        assert embedder.fingerprint != embedder_bundled.fingerprint


@pytest.mark.slow
def test_tokens_are_counted_alike_through_either_library() -> None:
    counted = open_token_counter("bundled")([*TEXTS, "", "\ud800"])
    assert counted == open_token_counter(str(bundled.sentence_transformers_folder()))([*TEXTS, "", "\ud800"])
    assert counted[5:] == [2, 0, 1]


@pytest.mark.slow
def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=rf"{tmp_path}.*bundled"):
        open_embedder(str(tmp_path))


@pytest.mark.slow
def test_an_id_that_cannot_be_fetched_is_named() -> None:
    with pytest.raises(ModelUnavailable, match="nobody/no-such-model"):
        open_embedder("nobody/no-such-model")


@pytest.mark.slow
def test_asking_the_bundled_model_imports_no_training_library() -> None:
    code = (
        "import sys; from ingest.embed import open_embedder; open_embedder('bundled').embed_queries(['显存']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
