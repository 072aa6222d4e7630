import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ingest import bundled
from ingest.errors import DiskFull, ModelUnavailable
from ingest.weights import WeightsFile
from tests.tiny_weights import write_tiny_weights


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsFile:
    """A small weights file in the place of the installed package's."""
    write_tiny_weights(tmp_path / "tiny.bin")
    weights = WeightsFile.open(tmp_path / "tiny.bin")
    monkeypatch.setattr(bundled, "weights_file", lambda: weights)
    return weights


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "notecite"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_onnx_folder_holds_tokenizer_body_and_stamp(tiny: WeightsFile, cache: Path) -> None:
    assert set(contents(bundled.onnx_folder(cache))) == {"tokenizer.json", "body.onnx", "stamp.json"}


def test_a_folder_remembers_the_hash_of_its_weights(tiny: WeightsFile, cache: Path) -> None:
    assert bundled.weights_hash(bundled.onnx_folder(cache)) == tiny.sha256()


def test_a_folder_is_made_once(tiny: WeightsFile, cache: Path) -> None:
    folder = bundled.onnx_folder(cache)
    made = folder.stat().st_ino
    assert bundled.onnx_folder(cache) == folder
    assert folder.stat().st_ino == made


def test_a_whole_folder_is_opened_without_the_package(
    tiny: WeightsFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundled.onnx_folder(cache)
    monkeypatch.setattr(bundled, "weights_file", lambda: pytest.fail("the weights were read again"))
    assert bundled.onnx_folder(cache) == folder


@pytest.mark.parametrize("name", ["tokenizer.json", "body.onnx", "stamp.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_folder_is_made_anew(tiny: WeightsFile, cache: Path, name: str, damage: str) -> None:
    folder = bundled.onnx_folder(cache)
    whole = contents(folder)
    if damage == "missing":
        (folder / name).unlink()
    elif damage == "cut":
        (folder / name).write_bytes(whole[name][:-5])
    else:
        (folder / name).write_bytes(whole[name][:-5] + b"wrong")
    assert contents(bundled.onnx_folder(cache)) == whole


def test_what_an_interrupted_run_left_is_replaced(tiny: WeightsFile, cache: Path) -> None:
    folder = bundled.onnx_folder(cache)
    whole = contents(folder)
    folder.rename(folder.with_name(folder.name + ".making"))
    (folder.with_name(folder.name + ".making") / "body.onnx").write_bytes(b"half")
    assert contents(bundled.onnx_folder(cache)) == whole
    assert not folder.with_name(folder.name + ".making").exists()


def test_first_runs_at_once_all_see_the_whole_folder(tiny: WeightsFile, cache: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(lambda _: contents(bundled.onnx_folder(cache)), range(4)))
    assert all(files == seen[0] for files in seen)
    assert set(seen[0]) == {"tokenizer.json", "body.onnx", "stamp.json"}


def test_a_full_disk_is_named_and_leaves_nothing_half_made(
    tiny: WeightsFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(DiskFull, match="free 1 GB"):
            bundled.onnx_folder(cache)
    assert [path for path in cache.iterdir() if path.is_dir()] == []
    assert set(contents(bundled.onnx_folder(cache))) == {"tokenizer.json", "body.onnx", "stamp.json"}


def test_a_cache_that_is_no_folder_is_named(tiny: WeightsFile, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelUnavailable, match="make that folder writable"):
        bundled.onnx_folder(tmp_path / "file")


def test_the_sentence_transformers_folder_names_the_prompts(tiny: WeightsFile, cache: Path) -> None:
    files = contents(bundled.sentence_transformers_folder(cache))
    assert set(files) == {
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "stamp.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert b'"document": "passage: "' in files["config_sentence_transformers.json"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(bundled.onnx_folder() / "tokenizer.json"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello world", ["▁Hello", "▁world"]),
        ("什么是显存？", ["▁", "什么是", "显", "存", "?"]),
        ("ＬｏＲＡ　１２", ["▁Lo", "RA", "▁12"]),
        ("3～5 ㎡", ["▁3", "～", "5", "▁m", "2"]),
        ("cafe\u0301 \x07\u200b tab\tend ", ["▁café", "▁tab", "▁end"]),
        ("😀", ["▁😀"]),
        ("", []),
    ],
)
def test_the_tokenizer_cuts_as_xlm_r_does(tokenizer: Tokenizer, text: str, tokens: list[str]) -> None:
    assert tokenizer.encode(text, add_special_tokens=False).tokens == tokens


@pytest.mark.slow
def test_the_tokenizer_frames_a_text_with_its_start_and_end(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("Hello world").ids == [0, 35378, 8999, 2]
