"""PDF: what is printed -> Markdown with page starts. The little PDFs are written here, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.errors import UnreadableNote
from ingest.phrases import Phrase
from ingest.readers import read
from ingest.readers.layout import Cell, Line, Page, markdown
from ingest.readers.pdf import read as read_pdf

NOTES = Path(__file__).parents[1] / "notes"
FULL = "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸"
"""20 characters: 200 points wide in the body's size, a full line of these test pages."""


@dataclass(frozen=True)
class Printed:
    """One line at ``x``, ``y`` points from the page's lower left corner. ``font``: body, bold or mono."""

    text: str
    y: float
    x: float = 50
    size: float = 10
    font: str = "body"


def pdf(*pages: Sequence[Printed] | None, title: str = "", rotate: int = 0) -> bytes:
    """A PDF of A4 pages; None is a page that shows a box and no text.

    ``rotate`` turns the paper clockwise by 90, 180 or 270 degrees, and ``x`` and ``y`` are on the turned page.
    """
    turns = {0: "", 90: "0 1 -1 0 595 0 cm\n", 180: "-1 0 0 -1 595 842 cm\n", 270: "0 -1 1 0 0 842 cm\n"}
    fonts = "".join(
        f"/{name} << /Type /Font /Subtype /Type0 /BaseFont /{base} /Encoding /UniGB-UTF16-H /DescendantFonts [ << "
        f"/Type /Font /Subtype /CIDFontType0 /BaseFont /{base} /DW 1000 /W [1 95 500] /CIDSystemInfo << /Registry "
        f"(Adobe) /Ordering (GB1) /Supplement 2 >> /FontDescriptor << /Type /FontDescriptor /FontName /{base} /Flags 6 "
        f"/Ascent 880 /Descent -120 /StemV 80 /CapHeight 880 /ItalicAngle 0 /FontBBox [0 -120 1000 880] >> >> ] >> "
        for name, base in (("body", "STSong-Light"), ("bold", "STSong-Bold"), ("mono", "NotoMono"))
    )
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Title <feff" + title.encode("utf-16-be").hex().encode() + b"> >>",
    ]
    for index, page in enumerate(pages):
        drawing = turns[rotate] + "".join(
            f"BT /{line.font} {line.size} Tf {line.x} {line.y} Td <{line.text.encode('utf-16-be').hex()}> Tj ET\n"
            for line in page or ()
        )
        stream = drawing.encode() if page is not None else b"50 50 200 200 re f"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate {rotate} "
            f"/Resources << /Font << {fonts} >> >> /Contents {5 + 2 * index} 0 R >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream")
    data = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(data))
    return data + head + table + tail


def body(*texts: str, top: float = 700, x: float = 50, step: float = 15) -> list[Printed]:
    return [Printed(text, top - step * index, x) for index, text in enumerate(texts)]


def row(y: float, *cells: tuple[float, str], size: float = 10) -> list[Printed]:
    return [Printed(text, y, x, size) for x, text in cells]


def justified(*texts: str, width: float, top: float = 700) -> list[Printed]:
    """Lines of one column ``width`` points wide, with wider spaces where their words do not fill it."""
    lines: list[Printed] = []
    for index, words in enumerate(text.split() for text in texts):
        x = 50.0
        for word in words:
            lines.append(Printed(word, top - 12 * index, x))
            x += 5 * len(word) + (width - 5 * sum(map(len, words))) / max(1, len(words) - 1)
    return lines


def text_of(*pages: Sequence[Printed] | None) -> str:
    return read_pdf(pdf(*pages)).text


def test_a_printed_note_comes_back_as_markdown_without_headers_and_page_numbers() -> None:
    document = read(NOTES / "print.pdf", "print.pdf")
    assert document.title == "缓存与批处理"
    assert document.text == (
        "# 缓存与批处理\n\n"
        "推理服务把许多请求合成一批来算，因为读一遍权重的代价可以由整批请求分摊；批量越大，每个请求分到的代价越小，"
        "但首词要等得更久。\n\n"
        "## 分页缓存\n\n"
        "缓存分成大小固定的块，按需分配，所以不会因为预留最长的长度而浪费显存。\n\n"
        "- 优点：碎片少。\n"
        "- 缺点：需要一张块表，每一步都要查表，内核也要按照块的边界来写，实现比连续的缓存复杂一些。\n\n"
        "## 连续批处理\n\n"
        "The scheduler admits a waiting request as soon as any running request has finished, so that no request waits "
        "for the longest one in its batch.\n\n"
        "### 何时无益？\n\n"
        "请求很少的时候。"
    )
    assert document.page_starts == (0, document.text.index("## 连续批处理"))
    assert document.page_at(document.text.index("请求很少")) == 2


def test_a_chinese_line_broken_mid_sentence_is_joined_without_a_space() -> None:
    assert text_of(body(FULL, FULL, "末尾。")) == f"{FULL}{FULL}末尾。"


def test_a_latin_line_is_joined_with_a_space() -> None:
    assert text_of(
        body("attention is computed over every token of", "the input, and it costs a great deal of", "time.")
    ) == ("attention is computed over every token of the input, and it costs a great deal of time.")


def test_a_word_broken_by_a_hyphen_is_joined() -> None:
    assert text_of(body("the weights are kept in a smaller repre-", "sentation.")) == (
        "the weights are kept in a smaller representation."
    )


def test_short_lines_stay_lines_and_gaps_make_paragraphs() -> None:
    lines = [*body(FULL, FULL), *body("第一条。", "第二条说明。", top=640), *body("另一段。", top=560)]
    assert text_of(lines) == f"{FULL}{FULL}\n\n第一条。\n第二条说明。\n\n另一段。"


def test_an_indented_line_begins_a_paragraph() -> None:
    lines = [*body("　　" + FULL[2:]), *body(FULL, top=685), *body("  " + FULL[3:], top=670, x=70)]
    assert text_of(lines).split("\n") == [FULL[2:] + FULL, FULL[3:]]


def test_a_paragraph_that_runs_over_the_page_is_joined_and_the_page_begins_inside_it() -> None:
    reading = read_pdf(pdf(body(FULL, FULL), body(FULL, "末尾。", "新的一行。")))
    assert reading.text == f"{FULL * 3}末尾。\n新的一行。"
    assert reading.page_starts == (0, 40)


def test_a_finished_sentence_does_not_run_over_the_page() -> None:
    assert text_of(body(FULL, "完。"), body("开始", FULL)) == f"{FULL}完。\n\n开始\n{FULL}"


def test_columns_are_read_one_after_the_other() -> None:
    left = body(FULL, FULL, FULL, "左栏结束")
    right = body(FULL, FULL, FULL, "右栏结束。", x=300)
    assert text_of([*left, *right]) == f"{FULL * 3}左栏结束\n\n{FULL * 3}右栏结束。"


def test_larger_type_is_a_heading_by_rank_and_a_bold_line_comes_last() -> None:
    lines = [
        Printed("书名", 800, size=20),
        Printed("1. 章", 760, size=15),
        *body(FULL, "正文。", top=730),
        Printed("小节", 690, font="bold"),
        *body(FULL, FULL, "正文。", top=670),
    ]
    assert text_of(lines) == f"# 书名\n\n## 1. 章\n\n{FULL}正文。\n\n### 小节\n\n{FULL}{FULL}正文。"


def test_slightly_larger_type_is_a_heading_unless_it_ends_a_sentence() -> None:
    lines = [
        *body(FULL, FULL, top=800),
        Printed("1.1 小标题", 760, size=11),
        *body(FULL, FULL, top=740),
        Printed("大一点的话。", 700, size=11),
    ]
    assert text_of(lines) == f"{FULL * 2}\n\n# 1.1 小标题\n\n{FULL * 2}\n\n大一点的话。"


def test_a_large_bullet_is_a_list_item_and_not_a_heading() -> None:
    assert text_of([*body(FULL, FULL), Printed("• 要点", 660, size=14)]) == f"{FULL * 2}\n\n- 要点"


@pytest.mark.parametrize("bullet", "•▪")
def test_a_bullet_printed_close_to_its_text_is_a_list_item(bullet: str) -> None:
    items = [line for y in (660, 645) for line in (Printed(bullet, y, 59, font="bold"), Printed("item text", y, 70))]
    assert text_of([*body(FULL, FULL), *items]) == f"{FULL * 2}\n\n- item text\n- item text"


def test_bullets_printed_apart_are_put_before_their_lines_and_nest_by_indent() -> None:
    lines = [
        *body(FULL, FULL, "说明："),
        Printed(FULL[:18], 650, x=70),
        Printed("续行。", 635, x=70),
        Printed("内层。", 620, x=90),
        Printed("外层。", 605, x=70),
        Printed("•", 650, x=60),
        Printed("◦", 620, x=80),
        Printed("•", 605, x=60),
    ]
    assert text_of(lines) == f"{FULL}{FULL}说明：\n\n- {FULL[:18]}续行。\n    - 内层。\n- 外层。"


def test_numbers_stay_as_list_numbers_and_decimals_are_no_numbers() -> None:
    assert text_of(body("1. 先量化。", "2）再校准。", "3.5 倍的加速")) == "1. 先量化。\n2） 再校准。\n\n3.5 倍的加速"


@pytest.mark.parametrize("begins", ["(3) subject to", "12) and then", "– which is rare –", "A. Smith’s bound"])
def test_a_wrapped_line_that_begins_like_a_list_item_goes_on_with_its_sentence(begins: str) -> None:
    above = "the bound of the theorem holds in case"
    assert text_of(body(above, begins, "另起。")) == f"{above} {begins}\n另起。"
    assert text_of(body(f"1. {above}", begins, "2. 另起。")) == f"1. {above} {begins}\n2. 另起。"


@pytest.mark.parametrize("marks", [("1.", "2."), ("(3)", "(4)"), ("b)", "c)"), ("•", "•")])
def test_full_lines_of_one_list_stay_items_without_a_full_stop(marks: tuple[str, str]) -> None:
    first, second = (f"{mark} {FULL[:18]}" for mark in marks)
    items = f"{first}\n{second}".replace("•", "-")
    assert text_of(body(FULL, first, second)) == f"{FULL}\n\n{items}"


def test_one_full_item_under_a_colon_stays_an_item() -> None:
    assert text_of(body(FULL[1:] + "：", "(1) 先量化。")) == f"{FULL[1:]}：\n\n(1) 先量化。"


def test_aligned_cells_are_a_pipe_table() -> None:
    lines = [
        Printed(text, 700 - 20 * row, x=50 + 150 * column)
        for row, cells in enumerate([("方法", "显存"), ("全量", "16"), ("低秩|小", "4")])
        for column, text in enumerate(cells)
    ]
    assert text_of(lines) == "| 方法 | 显存 |\n| --- | --- |\n| 全量 | 16 |\n| 低秩\\|小 | 4 |"


def test_justified_lines_of_few_words_are_no_table() -> None:
    lines = (
        "Administrators responsible for",
        "heterogeneous infrastructure should",
        "additionally differentiate between",
        "interactive and considerably",
        "asynchronous workloads, since the",
        "throughput deteriorates.",
    )
    assert text_of(justified(*lines, width=180)) == " ".join(lines)


def test_close_cells_that_line_up_are_a_table() -> None:
    rows = [("forward", "memory"), ("backward", "memory"), ("optimizer", "states")]
    lines = [line for n, (left, right) in enumerate(rows) for line in row(700 - 15 * n, (50, left), (105, right))]
    assert text_of(lines) == "| forward | memory |\n| --- | --- |\n| backward | memory |\n| optimizer | states |"
    head = row(715, (50, "component"), (108, "share"))
    assert text_of([*head, *lines]).startswith("| component | share |\n| --- | --- |\n| forward | memory |")


def test_a_table_in_larger_type_is_no_heading_and_takes_no_rank_of_headings() -> None:
    table = [("方法", "显存"), ("全量", "16"), ("低秩", "4")]
    rows = [
        line for n, (left, right) in enumerate(table) for line in row(600 - 20 * n, (50, left), (200, right), size=14)
    ]
    lines = [*body(FULL, FULL, FULL), *rows, Printed("小节", 520, size=12), *body(FULL, FULL, top=500)]
    assert text_of(lines) == (
        f"{FULL * 3}\n\n| 方法 | 显存 |\n| --- | --- |\n| 全量 | 16 |\n| 低秩 | 4 |\n\n# 小节\n\n{FULL * 2}"
    )


@pytest.mark.parametrize("numbers", [("2", "3"), ("A.1", "A.2"), ("第一章", "第二章")])
def test_headings_with_a_gap_behind_their_numbers_are_no_table(numbers: tuple[str, str]) -> None:
    first, second = (
        row(y, (50, number), (160, "概述"), size=14) for y, number in zip((640, 600), numbers, strict=True)
    )
    assert text_of([*body(FULL, FULL, FULL), *first, *second, *body(FULL, FULL, top=560)]) == (
        f"{FULL * 3}\n\n# {numbers[0]} 概述\n\n# {numbers[1]} 概述\n\n{FULL * 2}"
    )


def test_monospaced_lines_are_a_code_block_with_its_indents() -> None:
    lines = [
        *body(FULL, FULL, "代码："),
        Printed("def f(x):", 640, font="mono"),
        Printed("return x", 625, x=70, font="mono"),
    ]
    assert text_of(lines) == f"{FULL}{FULL}代码：\n\n```\ndef f(x):\n    return x\n```"


@pytest.mark.parametrize("gap", [15, 30])
def test_a_closing_bracket_left_of_the_line_above_stays_in_its_block(gap: float) -> None:
    code = [("int f(int x) {", 50, 640), ("return x;", 70, 625), ("}", 50, 625 - gap)]
    lines = [*body(FULL, FULL, "代码："), *(Printed(text, y, x, font="mono") for text, x, y in code)]
    assert text_of(lines) == f"{FULL}{FULL}代码：\n\n```\nint f(int x) {{\n    return x;\n}}\n```"
    assert text_of([*lines[:3], *lines[4:]]).endswith("```\n    return x;\n}\n```" if gap == 15 else "```\n}\n```")


def test_code_with_open_brackets_runs_over_the_page() -> None:
    def code(*texts: str) -> list[Printed]:
        return [Printed(text, 700 - 15 * n, font="mono") for n, text in enumerate(texts)]

    reading = read_pdf(pdf([*body(FULL, FULL, top=800), *code("int f(int x) {")], code("}"), code("f(1);")))
    assert reading.text == f"{FULL * 2}\n\n```\nint f(int x) {{\n}}\n```\n\n```\nf(1);\n```"
    assert [reading.text[start] for start in reading.page_starts] == ["一", "}", "`"]


def test_code_that_holds_a_fence_stays_one_block() -> None:
    lines = [*body(FULL, FULL, "代码："), Printed("```", 640, font="mono"), Printed("~~~", 625, font="mono")]
    assert text_of(lines) == f"{FULL}{FULL}代码：\n\n````\n```\n~~~\n````"


def test_running_headers_and_page_numbers_are_dropped_and_the_rest_of_the_edge_stays() -> None:
    pages = [
        [Printed("我的笔记", 820), *body(f"{name}。"), Printed(f"第 {number} 页", 20)]
        for number, name in enumerate(("甲", "乙", "丙"), 1)
    ]
    pages[2].append(Printed("脚注一次。", 40))
    assert text_of(*pages) == "甲。\n\n乙。\n\n丙。\n\n脚注一次。"


def test_titles_of_slides_stay_once_where_slides_that_follow_each_other_share_them() -> None:
    titles = [
        "开场",
        "注意力 (1)",
        "注意力 (2)",
        "注意力 (3)",
        "小结",
        "前馈网络",
        "前馈网络",
        "前馈网络",
        "小结",
        *"甲乙丙",
    ]
    slides = [[Printed(title, 800, size=20), *body(f"{title}第 {n} 页。")] for n, title in enumerate(titles, 1)]
    repeated = {3, 4, 7, 8}
    shown = [("" if n in repeated else f"# {title}\n\n") + f"{title}第 {n} 页。" for n, title in enumerate(titles, 1)]
    assert text_of(*slides) == "\n\n".join(shown)


@pytest.mark.parametrize("header", ["第 {} 页，共 12 页", "第 1 章 树 {}"])
def test_the_page_number_in_a_large_header_counts_pages(header: str) -> None:
    pages = [
        [Printed(header.format(n), 800, size=20), *body(FULL, f"{name}。")] for n, name in enumerate("甲乙丙丁", 1)
    ]
    assert text_of(*pages) == "\n\n".join([f"# {header.format(1)}", *(f"{FULL}{name}。" for name in "甲乙丙丁")])


def test_a_large_running_header_stays_once() -> None:
    assert text_of(*([Printed("第五讲", 800, size=20), *body(FULL, f"{name}。")] for name in "甲乙丙")) == (
        f"# 第五讲\n\n{FULL}甲。\n\n{FULL}乙。\n\n{FULL}丙。"
    )


def test_the_header_of_a_chapter_is_dropped_and_a_line_that_begins_a_page_now_and_then_stays() -> None:
    edge = {3: "第二章", 5: "第二章", 7: "第二章", 1: "答：", 9: "答：", 11: "答："}
    pages = [
        [Printed(edge.get(number, f"{name}一"), 800), *body(f"{name}二。")] for number, name in enumerate(FULL[:12])
    ]
    read_lines = text_of(*pages).split("\n\n")
    assert "第二章" not in read_lines
    assert read_lines.count("答：") == 3


def test_lines_of_a_table_of_contents_are_dropped() -> None:
    assert text_of(body("第一章 . . . . . . . . . 3", "第二章 ……………… 12", "正文。")) == "正文。"


def test_radicals_become_everyday_characters() -> None:
    assert text_of(body("⽤⻓⽂本")) == "用长文本"
    assert text_of(body("⻌字底，⺭字旁")) == "辶字底，礻字旁"


def test_characters_of_two_surrogates_stay_whole() -> None:
    assert text_of(body("变量 𝑥 乘以 𝐀𝐁。", "𠮷野家的𠮷", step=40)) == "变量 𝑥 乘以 𝐀𝐁。\n\n𠮷野家的𠮷"


@pytest.mark.parametrize(("angle", "height"), [(90, 595), (180, 842), (270, 595)])
def test_a_rotated_page_is_read_as_it_is_shown(angle: int, height: int) -> None:
    pages = [
        [Printed("我的笔记", height - 20), *body(FULL, FULL, f"{name}。", top=400), *body("1. 先量化。", top=300)]
        for name in "甲乙丙"
    ]
    assert read_pdf(pdf(*pages, rotate=angle)).text == "\n\n".join(
        f"{FULL * 2}{name}。\n\n1. 先量化。" for name in "甲乙丙"
    )


@pytest.mark.parametrize("rise", [2, 4])
def test_a_small_raised_number_stays_in_its_line_and_apart_from_the_number_before(rise: float) -> None:
    def raised(text: str, x: float) -> Printed:
        return Printed(text, 700 + rise, x, size=6)

    note = [
        *row(700, (50, "It was 10"), (102, ", in 2020"), (156.5, "and since")),
        raised("-6", 95.5),
        raised("12", 147.5),
    ]
    assert text_of(sorted(note, key=lambda line: line.x)) == "It was 10^-6, in 2020^12 and since"
    chinese = [Printed("缓存分成块", 700), raised("1", 100.5), Printed("，按需分配。", 700, 104)]
    assert text_of(chinese) == "缓存分成块^1，按需分配。"


@pytest.mark.parametrize("rise", [3, 4])
def test_the_number_that_begins_a_footnote_is_raised_too(rise: float) -> None:
    note = [Printed("1", 640 + rise, size=6), *body(FULL, "一见 2020 年的论文。", top=640, x=56, step=12)]
    assert text_of([*body(*[FULL] * 4, step=12), *note]) == f"{FULL * 4}\n\n^1 {FULL}一见 2020 年的论文。"


def test_a_raised_number_that_pdfium_takes_for_a_line_joins_the_text_on_both_sides() -> None:
    lines = (
        Line((Cell("Idle jobs are cancelled", 50, 165),), 700, 11),
        Line((Cell("2", 167, 171),), 704.4, 9),
        Line((Cell(". Quota is 100 GB.", 173.5, 260),), 700, 11),
    )
    assert markdown([Page(842, lines)])[0] == "Idle jobs are cancelled^2. Quota is 100 GB."


def test_a_space_before_a_raised_number_is_dropped_and_a_low_bullet_raises_no_number() -> None:
    assert text_of([Printed("in 2020", 700), Printed("12", 704, 87, size=6)]) == "in 2020^12"
    assert text_of([*body(FULL, FULL), Printed("•", 657, size=14), Printed("10 层", 660, 75)]).endswith("- 10 层")


def test_a_sentence_that_ends_with_the_mark_of_a_footnote_does_not_run_over_the_page() -> None:
    mark = Printed("3", 703, 251, size=6)
    assert text_of([Printed(FULL[:19] + "。", 700), mark], body(FULL)) == f"{FULL[:19]}。^3\n\n{FULL}"


def test_text_that_looks_like_a_heading_mark_is_escaped() -> None:
    assert text_of(body("# of layers")) == "\\# of layers"


def test_the_properties_name_the_note_unless_a_program_did() -> None:
    assert read_pdf(pdf(body("正文。"), title="推理笔记")).title == "推理笔记"
    assert read_pdf(pdf(body("正文。"), title="Microsoft Word - a.docx")).title == ""


def test_a_page_that_shows_something_but_holds_no_text_is_reported() -> None:
    reading = read_pdf(pdf(body("甲。"), None, [], body("乙。")))
    assert reading.text == "甲。\n\n乙。"
    assert reading.page_starts == (0, 2, 2, 4)
    assert reading.problems == (
        Phrase(
            "no text on page 2 (scanned?); run text recognition (OCR) over the file to have it read",
            "第 2 页没有文字（可能是扫描件）；请先对该文件做文字识别（OCR）",
        ),
    )
    assert read_pdf(pdf(None, None)).problems[0].en.startswith("no text on pages 1, 2 (scanned?)")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty PDF file (0 bytes)"),
        (b"%PDF-1.7\nrubbish", "the PDF is broken"),
        ((NOTES / "print.pdf").read_bytes()[:500], "the PDF is broken"),
        ((NOTES / "encrypted.pdf").read_bytes(), "the PDF is encrypted"),
    ],
    ids=["0 bytes", "rubbish", "cut off", "encrypted"],
)
def test_a_pdf_that_cannot_be_opened_is_refused_with_what_to_do(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with pytest.raises(UnreadableNote) as caught:
        read(path, "folder/a.pdf")
    assert caught.value.what.en == message
    assert caught.value.value == "folder/a.pdf"
