import pytest

from ingest.lines import NOISE, are_wrapped, clean_title, goes_on, read_lines


def test_lines_know_where_they_stand() -> None:
    text = "  甲 \n\n> \t乙\n>> 丙\n\u3000丁\n::: tip 戊"
    lines = [(line.text, line.outer, line.start, line.end, line.indent, line.quote) for line in read_lines(text)]
    assert lines == [
        ("甲", 2, 2, 3, 2, 0),
        ("", 5, 5, 5, 0, 0),
        ("乙", 6, 9, 10, 4, 1),
        ("丙", 11, 14, 15, 0, 2),
        ("丁", 17, 17, 18, 2, 0),
        ("戊", 19, 27, 28, 0, 0),
    ]


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("**粗** *斜* _斜_ `码`", "粗 斜 斜 码"),
        ("[文字](https://example.org/a) {#sec-a}", "文字"),
        ("![图](a.png)标题<a name='x'></a>：", "标题"),
        ("A* 与 B*C 与 snake_case", "A* 与 B*C 与 snake_case"),
        ("  多\u00a0个   空格\u3000 ", "多 个 空格"),
        ("词尾的</w>记号", "词尾的</w>记号"),
    ],
)
def test_a_title_loses_its_markup_only(raw: str, title: str) -> None:
    assert clean_title(raw) == title


def test_lines_of_one_width_that_end_inside_sentences_are_wrapped() -> None:
    row = "这一行写到了三十个字左右还没有写完它的句子所以换了一行接着写"
    assert are_wrapped(list(read_lines(f"{row}\n{row}\n完了。")))
    assert not are_wrapped(list(read_lines(f"{row}。\n{row}。\n完了。")))
    assert not are_wrapped(list(read_lines(f"{row}\n{row}\n短\n完了。")))
    assert not are_wrapped(list(read_lines("短\n也短\n都短")))
    assert not are_wrapped(list(read_lines(f"甲：{row}\n乙：{row}\n丙：{row}")))


def test_a_line_ends_where_the_next_one_has_a_label_too() -> None:
    lines = list(read_lines("recall: how much of what matters is found\nprecision: how much found matters\nand so on"))
    assert not goes_on(lines[0], lines[1], wrapped=False)
    assert goes_on(lines[1], lines[2], wrapped=False)
    mixed = list(read_lines("chan 只能收 int\nslice 可以放任何类型"))
    assert not goes_on(mixed[0], mixed[1], wrapped=False)


def test_a_tag_of_html_alone_is_noise_and_a_token_of_a_model_is_not() -> None:
    assert NOISE.match("<div class='a'>")
    assert not NOISE.match("<s>")
    assert not NOISE.match("<unk>")
