"""Texts -> unit vectors, and texts -> numbers of tokens."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ingest import bundled
from ingest.adaptation import Adaptation, adapted_body
from ingest.errors import ModelUnavailable
from ingest.phrases import Phrase
from ingest.protocols import Embedder, TokenCounter, Vectors
from ingest.weights import weights_file

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BUNDLED = "bundled"

_TOKENS_AT_ONCE = 2048
"""Bounds the memory of one step."""

_TEXTS_TOKENIZED_AT_ONCE = 512

START, END = 0, 2
"""The ids of the tokens ``<s>`` and ``</s>``."""

_TEXTS_AT_ONCE = 32


def open_embedder(name: str = BUNDLED, *, cache_folder: Path | None = None) -> Embedder:
    """``name`` is ``bundled``, or the folder or the id of any sentence-transformers model.

    Only an id needs a connection, to the Hugging Face hub. Raises ModelUnavailable or DiskFull.
    """
    if name == BUNDLED:
        return BundledEmbedder(cache_folder)
    return SentenceTransformersEmbedder(name)


def open_token_counter(name: str = BUNDLED, *, cache_folder: Path | None = None) -> TokenCounter:
    """Counts tokens of the model that ``open_embedder`` opens under this name. Raises ModelUnavailable or DiskFull."""
    if name == BUNDLED:
        tokenizer = _tokenizer(bundled.onnx_folder(cache_folder) / "tokenizer.json")
        return lambda texts: [len(ids) for ids in _token_ids(tokenizer, texts)]
    return SentenceTransformersEmbedder(name).count_tokens


def open_token_spans(cache_folder: Path | None = None) -> Callable[[str], list[tuple[int, int]]]:
    """Text -> the span of each of the bundled model's tokens in it, as ``text[start:end]``."""
    tokenizer = _tokenizer(bundled.onnx_folder(cache_folder) / "tokenizer.json")
    return lambda text: tokenizer.encode(_without_surrogates(text), add_special_tokens=False).offsets


def open_tokenizer(cache_folder: Path | None = None) -> Callable[[str], list[int]]:
    """Text -> the bundled model's token ids, without special tokens."""
    tokenizer = _tokenizer(bundled.onnx_folder(cache_folder) / "tokenizer.json")
    return lambda text: next(_token_ids(tokenizer, [text]))


class BundledEmbedder:
    """multilingual-e5-small through ONNX Runtime: opens in a second and imports neither torch nor transformers."""

    def __init__(self, cache_folder: Path | None = None, adaptation: Adaptation | None = None) -> None:
        """``adaptation``: trained layers to add to the body. Raises ModelUnavailable or DiskFull."""
        import onnxruntime  # type: ignore[import-untyped]

        folder = bundled.onnx_folder(cache_folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _cores()
        options.log_severity_level = 3
        # Threads that spin while they wait take up half of a shared machine's time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Without it, a processor that has no 8-bit dot product adds in 16 bits, which overflow.
        options.add_session_config_entry("session.x64quantprecision", "1")
        self._weights = weights_file()
        self._tokenizer = _tokenizer(folder / "tokenizer.json")
        body = adapted_body(adaptation, cache_folder) if adaptation else folder / "body.onnx"
        self._body = onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])
        self._adaptation = adaptation
        self._weights_hash = bundled.weights_hash(folder)

    @property
    def fingerprint(self) -> str:
        bare = f"{bundled.MODEL_NAME} {self._weights_hash[:12]} {bundled.LAYOUT}"
        return self._adaptation.fingerprint(bare) if self._adaptation else bare

    @property
    def dimensions(self) -> int:
        return self._weights.hidden

    @property
    def longest(self) -> int:
        """The most tokens that it reads of a text, its first and last special token included."""
        return self._weights.positions

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed(bundled.QUERY_PROMPT, texts, None)

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        return self._embed(bundled.PASSAGE_PROMPT, texts, on_done)

    def _embed(self, prompt: str, texts: Sequence[str], on_done: Callable[[int], None] | None) -> Vectors:
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for batch, tokens in self.token_vectors(prompt, texts):
            means = tokens.mean(axis=1)
            vectors[batch] = means / np.linalg.norm(means, axis=1, keepdims=True)
            if on_done:
                on_done(len(batch))
        return vectors

    def token_vectors(self, prompt: str, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Batches of texts of equal length: their indices and the body's output, shape (texts, tokens, hidden).

        The first and the last token are special.
        """
        inner = self.longest - 2
        return self.encode([[START, *ids[:inner], END] for ids in self.token_ids(prompt + text for text in texts)])

    def token_ids(self, texts: Iterable[str]) -> Iterator[list[int]]:
        """Without special tokens."""
        return _token_ids(self._tokenizer, texts)

    def encode(self, token_ids: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Like ``token_vectors``, for texts given as token ids, special ones included."""
        for batch in _batches([len(ids) for ids in token_ids]):
            word_vectors = self._weights.word_vectors(np.array([token_ids[i] for i in batch], np.int32))
            (vectors,) = self._body.run(["token_vectors"], {"word_vectors": word_vectors})
            yield batch, vectors


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The indices of texts of equal length, so that nothing is padded; the longest first."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (lengths[i] != lengths[batch[0]] or (len(batch) + 1) * lengths[i] > _TOKENS_AT_ONCE):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class SentenceTransformersEmbedder:
    """Any model of the sentence-transformers library, with the prompts that the model itself names."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._model = _sentence_transformer(name)

    @cached_property
    def fingerprint(self) -> str:
        return f"{Path(self._name).name} {_model_hash(self._model)[:12]}"

    @property
    def dimensions(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed("query", texts, None)

    def embed_passages(self, texts: Sequence[str], on_done: Callable[[int], None] | None = None) -> Vectors:
        return self._embed("document", texts, on_done)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = self._model.tokenizer(
            [_without_surrogates(text) for text in texts], add_special_tokens=False, truncation=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]

    def _embed(
        self, kind: Literal["query", "document"], texts: Sequence[str], on_done: Callable[[int], None] | None
    ) -> Vectors:
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = by_length[start : start + _TEXTS_AT_ONCE]
            vectors[batch] = encode(
                [_without_surrogates(texts[i]) for i in batch],
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
            if on_done:
                on_done(len(batch))
        return vectors


@lru_cache(maxsize=4)
def _sentence_transformer(name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(name)
    except Exception as error:  # the library raises whatever its parts raise
        raise ModelUnavailable(
            Phrase("the embedding model cannot be loaded", "无法加载嵌入模型"),
            name,
            Phrase(
                "give the folder of a sentence-transformers model, the id of one on the Hugging Face hub (needs a "
                "connection), or `bundled`",
                "请给出 sentence-transformers 模型的文件夹、Hugging Face 上的模型名称（需要联网），或 `bundled`",
            ),
        ) from error


def _model_hash(model: "SentenceTransformer") -> str:
    import torch

    digest = hashlib.sha256(json.dumps([model.prompts, model.max_seq_length]).encode())
    for name, tensor in sorted(model.state_dict().items()):
        # BERT's own pooler is not used; where a checkpoint lacks it, each loading makes a random one.
        if ".pooler." not in name:
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            digest.update(name.encode())
            digest.update(memoryview(values))
    return digest.hexdigest()


@lru_cache(maxsize=2)
def _tokenizer(path: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))


def _token_ids(tokenizer: "Tokenizer", texts: Iterable[str]) -> Iterator[list[int]]:
    """A few texts at a time, since what the tokenizer returns takes far more memory than the ids."""
    remaining = map(_without_surrogates, texts)
    while some := list(islice(remaining, _TEXTS_TOKENIZED_AT_ONCE)):
        for encoding in tokenizer.encode_batch_fast(some, add_special_tokens=False):
            yield encoding.ids


def _without_surrogates(text: str) -> str:
    """Half a character can come from a terminal or from JSON; the tokenizers library refuses it."""
    return text.encode("utf-8", "replace").decode()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
