"""Which encoding, what is lost, and what is no text at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UnreadableNote
from ingest.readers.decode import Decoded, decode, printable

NOTES = Path(__file__).parents[1] / "notes"
TEXT = "温度 Temperature 越低，\n输出越确定：T=0.2。"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"]
)
def test_text_comes_back_from_every_encoding_that_notes_are_saved_in(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == Decoded(TEXT)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("联通", "gb18030"),
        ("知识编辑", "gb18030"),
        ("梯度： 6 * 2 = 12G", "gb18030"),
        ("标题\n只有中文没有别的字符", "utf-16-le"),
        ("标题\n只有中文没有别的字符", "utf-16-be"),
        ("plain\ntext", "utf-16-le"),
        ("naïve décor in a café, and more plain English around it", "cp1252"),
        ("注意力機制的複雜度與長文本處理非常慢，所以需要優化記憶體。", "big5"),
    ],
)
def test_short_and_old_texts_are_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == Decoded(text)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200))
def test_utf_8_is_never_changed(text: str) -> None:
    data = text.encode()
    if not data.startswith(b"\xef\xbb\xbf"):
        assert decode(data) == Decoded(text)


@given(st.binary(max_size=300))
def test_any_bytes_give_printable_text_or_a_clear_refusal(data: bytes) -> None:
    try:
        text = decode(data).text
    except UnreadableNote:
        return
    assert text == printable(text)
    assert text.encode().decode() == text


def test_a_few_bad_bytes_are_replaced_and_counted() -> None:
    damaged = (NOTES / "damaged.md").read_bytes()
    decoded = decode(damaged)
    assert decoded.text == "# 损坏的笔记\n\n温度越低，\ufffd越确定。\n"
    problems = [problem.en for problem in (*decoded.problems, *decode(damaged * 2).problems)]
    assert problems == [
        "1 damaged character is shown as \ufffd; save the file as UTF-8",
        "2 damaged characters are shown as \ufffd; save the file as UTF-8",
    ]


def test_a_damaged_byte_does_not_turn_gb18030_into_something_else() -> None:
    text = "量化把权重变成整数，误差来自舍入，通常可以忽略不计。"
    decoded = decode(text.encode("gb18030") + b"\xff")
    assert decoded.text == text + "\ufffd"
    assert len(decoded.problems) == 1


def test_control_characters_go_and_everything_else_stays() -> None:
    decoded = decode((NOTES / "control_characters.txt").read_bytes())
    assert decoded == Decoded("# 控制符\n\n一 二 三红，Ａ\u00a0Ｂ，制表\t符。\n末行")


def test_lone_surrogates_become_replacement_characters() -> None:
    assert printable("a\ud800b") == "a\ufffdb"


def test_a_declared_encoding_is_used_unless_the_bytes_deny_it() -> None:
    assert decode("한국어 노트".encode("cp949"), declared="euc-kr").text == "한국어 노트"
    assert decode(TEXT.encode(), declared="gbk").text == TEXT
    assert decode(TEXT.encode("gb18030"), declared="no-such-encoding").text == TEXT


@pytest.mark.parametrize("declared", ["undefined", "hex", "rot13", "idna"])
def test_a_declared_codec_that_is_none_for_text_counts_as_undeclared(declared: str) -> None:
    assert decode(TEXT.encode("gb18030"), declared) == Decoded(TEXT)


@pytest.mark.parametrize(
    ("declared", "text", "encoding"),
    [
        ("iso-8859-1", "“quoted” – 5 €", "cp1252"),
        ("latin1", "“quoted” – 5 €", "cp1252"),
        ("us-ascii", "“quoted” – 5 €", "cp1252"),
        ("gb2312", "朱镕基", "gb18030"),
        ("GBK", "ǹ", "gb18030"),
        ("shift_jis", "①㈱髙", "cp932"),
        ("euc-kr", "뷁", "cp949"),
    ],
)
def test_a_declared_encoding_is_read_as_browsers_read_it(declared: str, text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), declared) == Decoded(text)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00",
        b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00>\x00",
        bytes(range(256)) * 8,
        b"\xff\xfe" + bytes(range(0xD8, 0xE0)) * 20,
    ],
    ids=["png", "elf", "all bytes", "broken UTF-16"],
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableNote, match="not text"):
        decode(data)
