"""What every implementation of a seam promises. Subclass, name the class ``Test...`` and give the fixture."""

import numpy as np

from ingest.protocols import Embedder

_PASSAGES = (
    "LoRA 冻结原有权重，只训练两个低秩矩阵，所以优化器状态占用的显存很少。",
    "Nucleus sampling draws the next token from the smallest set whose probability reaches p.",
    "混凝土在浇筑之后需要洒水养护，以免表面开裂。",
)


class EmbedderContract:
    """Needs a fixture ``embedder``."""

    def test_vectors_are_unit_rows_of_float32(self, embedder: Embedder) -> None:
        for vectors in (embedder.embed_queries(_PASSAGES), embedder.embed_passages(_PASSAGES)):
            assert vectors.dtype == np.float32
            assert vectors.shape == (3, embedder.dimensions)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed_queries([]).shape == (0, embedder.dimensions)
        assert embedder.embed_passages([]).shape == (0, embedder.dimensions)

    def test_rows_stand_in_the_order_of_the_texts(self, embedder: Embedder) -> None:
        texts = ["短", "a much longer text about attention heads " * 8, "", "中等长度的一句话", "短"]
        together = embedder.embed_passages(texts)
        apart = np.concatenate([embedder.embed_passages([text]) for text in texts])
        assert (np.sum(together * apart, axis=1) > 0.999).all()
        np.testing.assert_allclose(together[0], together[4], atol=1e-5)

    def test_the_nearest_passage_shares_the_words_of_the_query(self, embedder: Embedder) -> None:
        queries = ["LoRA 训练的低秩矩阵占多少显存", "how does nucleus sampling draw a token", "混凝土浇筑后的养护"]
        similarities = embedder.embed_queries(queries) @ embedder.embed_passages(_PASSAGES).T
        assert similarities.argmax(axis=1).tolist() == [0, 1, 2]

    def test_progress_adds_up_to_the_number_of_passages(self, embedder: Embedder) -> None:
        finished: list[int] = []
        embedder.embed_passages(_PASSAGES * 5, finished.append)
        assert sum(finished) == 15

    def test_odd_texts_have_vectors(self, embedder: Embedder) -> None:
        vectors = embedder.embed_passages(["", " \n\t", "😀", "\x00\ud800", "长" * 5000, "<s></s><pad>"])
        assert np.isfinite(vectors).all()

    def test_the_fingerprint_is_one_line(self, embedder: Embedder) -> None:
        assert embedder.fingerprint.strip() == embedder.fingerprint
        assert embedder.fingerprint
        assert "\n" not in embedder.fingerprint
