"""Word: headings, lists, tables, code and formulas -> Markdown; what cannot be opened is refused."""

import base64
import io
import zipfile
from copy import deepcopy
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest.errors import UnreadableNote
from ingest.readers import read
from ingest.readers.docx import read as read_docx

NOTES = Path(__file__).parents[1] / "notes"
MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def saved(document: "docx.document.Document") -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_a_word_note_is_markdown_with_everything_a_note_has() -> None:
    document = read(NOTES / "handbook.docx", "handbook.docx")
    assert document.title == "微调手记"
    assert document.text == (
        "# 微调手记\n\n"
        "# 一、学习率\n\n"
        "先用小学习率预热，**再按余弦下降**。\n\n"
        "- 全量微调\n    - 1e-5 左右\n- 低秩微调\n\n"
        "1. 先看损失\n2. 再看样例\n\n"
        "# 二、显存\n\n"
        "优化器状态占 $\\frac{n^{2}}{\\sqrt{d}}$ 字节。\n\n"
        "|  |  |\n| --- | --- |\n| 方法 | 显存 |\n| 全量\\|半精度 | 16 字节 |\n| 低秩 | 4 字节 |\n\n"
        "```\nfor step in range(n):\n    train(step)\n```"
    )


Y = "<m:r><m:t>y</m:t></m:r>"
FORMULAS = [
    ("<m:sSub><m:e><m:r><m:t>W</m:t></m:r></m:e><m:sub><m:r><m:t>0</m:t></m:r></m:sub></m:sSub>", "$W_{0}$"),
    (
        '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub><m:r><m:t>i</m:t></m:r></m:sub>'
        "<m:sup><m:r><m:t>n</m:t></m:r></m:sup><m:e><m:r><m:t>x</m:t></m:r></m:e></m:nary>",
        "$∑_{i}^{n} x$",
    ),
    (
        '<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e><m:r><m:t>a</m:t></m:r></m:e></m:d>',
        "$[a]$",
    ),
    (
        "<m:m><m:mr><m:e><m:r><m:t>a</m:t></m:r></m:e><m:e><m:r><m:t>b</m:t></m:r></m:e></m:mr></m:m>",
        "$\\begin{matrix} a & b \\end{matrix}$",
    ),
    ("<m:r><m:t>a &lt; b</m:t></m:r>", "$a < b$"),
    (f"<m:acc><m:e>{Y}</m:e></m:acc>", "$\\hat{y}$"),
    (f'<m:acc><m:accPr><m:chr m:val="\u0304"/></m:accPr><m:e>{Y}</m:e></m:acc>', "$\\bar{y}$"),
    (f'<m:acc><m:accPr><m:chr m:val="⏜"/></m:accPr><m:e>{Y}</m:e></m:acc>', "$\\overset{⏜}{y}$"),
    (f'<m:bar><m:barPr><m:pos m:val="top"/></m:barPr><m:e>{Y}</m:e></m:bar>', "$\\overline{y}$"),
    (f"<m:bar><m:e>{Y}</m:e></m:bar>", "$\\underline{y}$"),
    (
        "<m:func><m:fName><m:limLow><m:e><m:r><m:t>lim</m:t></m:r></m:e><m:lim><m:r><m:t>x→0</m:t></m:r></m:lim>"
        f"</m:limLow></m:fName><m:e>{Y}</m:e></m:func>",
        "$\\lim_{x→0} y$",
    ),
    (
        f"<m:limLow><m:e><m:r><m:t>arg max</m:t></m:r></m:e><m:lim>{Y}</m:lim></m:limLow>",
        "$\\underset{y}{arg max}$",
    ),
    (f"<m:limUpp><m:e><m:r><m:t>=</m:t></m:r></m:e><m:lim>{Y}</m:lim></m:limUpp>", "$\\overset{y}{=}$"),
    (
        '<m:d><m:dPr><m:begChr m:val="{"/><m:endChr m:val=""/></m:dPr><m:e><m:eqArr>'
        f"<m:e><m:r><m:t>0</m:t></m:r></m:e><m:e>{Y}</m:e></m:eqArr></m:e></m:d>",
        "$\\{\\begin{aligned} 0 \\\\ y \\end{aligned}$",
    ),
    (
        f"<m:sPre><m:sub><m:r><m:t>1</m:t></m:r></m:sub><m:sup><m:r><m:t>2</m:t></m:r></m:sup><m:e>{Y}</m:e></m:sPre>",
        "${}_{1}^{2}y$",
    ),
]


def test_formulas_become_latex() -> None:
    document = docx.Document()
    for formula, _ in FORMULAS:
        document.add_paragraph()._p.append(parse_xml(f"<m:oMath {MATH}>{formula}</m:oMath>"))
    assert read_docx(saved(document)).text.split("\n\n") == [latex for _, latex in FORMULAS]


def test_a_formula_on_its_own_line_has_double_dollar_signs() -> None:
    document = docx.Document()
    formula = f"<m:oMathPara {MATH}><m:oMath><m:r><m:t>x</m:t></m:r></m:oMath></m:oMathPara>"
    document.add_paragraph()._p.append(parse_xml(formula))
    assert read_docx(saved(document)).text == "$$x$$"


def test_formulas_are_read_in_every_part_whatever_its_name() -> None:
    document = docx.Document()
    document.add_paragraph()._p.append(parse_xml(f"<m:oMath {MATH}>{Y}</m:oMath>"))
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(document))) as archive, zipfile.ZipFile(file, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name).replace(b"word/document.xml", b"word/document2.xml")
            copy.writestr(name.replace("word/document.xml", "word/document2.xml"), content)
    assert read_docx(file.getvalue()).text == "$y$"


def test_hidden_text_is_not_read() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("看得见")
    paragraph.add_run("的提示").font.hidden = True
    paragraph.add_run("的字").font.hidden = False
    assert read_docx(saved(document)).text == "看得见的字"


def test_headings_are_known_by_their_outline_level_and_by_the_style_they_are_based_on() -> None:
    document = docx.Document()
    document.styles.add_style("我的小节", WD_STYLE_TYPE.PARAGRAPH).base_style = document.styles["Heading 2"]
    level = '<w:outlineLvl {} w:val="{}"/>'
    for text, outline in [("总结", 0), ("正文", 9), ("这一段写成了标题的级别，却是一句完整的话。", 0)]:
        document.add_paragraph(text)._p.get_or_add_pPr().append(parse_xml(level.format(nsdecls("w"), outline)))
    document.add_paragraph("显存", "我的小节")
    text = "# 总结\n\n正文\n\n这一段写成了标题的级别，却是一句完整的话。\n\n## 显存"
    assert read_docx(saved(document)).text == text


def test_a_table_of_contents_is_left_out() -> None:
    document = docx.Document()
    document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("一、学习率\t1", "toc 1")
    contents = (
        f'<w:sdt {nsdecls("w")}><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
        "</w:sdtPr><w:sdtContent><w:p><w:r><w:t>目录</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    document.element.body.insert(0, parse_xml(contents))
    document.add_paragraph("正文")
    assert read_docx(saved(document)).text == "正文"


def test_a_list_goes_on_counting_after_other_text() -> None:
    document = docx.Document()
    for text, style in [
        ("摘流量", "List Number"),
        ("重启", "List Number"),
        ("等三十秒。", "Normal"),
        ("检查", "List Number"),
        ("", "Normal"),
        ("挂回流量", "List Number"),
    ]:
        document.add_paragraph(text, style)
    assert read_docx(saved(document)).text == "1. 摘流量\n2. 重启\n\n等三十秒。\n\n3. 检查\n\n4. 挂回流量"


def test_headings_that_a_list_numbers_stay_headings() -> None:
    document = docx.Document()
    numbered = document.styles["List Number"].element.pPr.numPr
    for title in ("背景", "方法"):
        document.add_heading(title, 2)._p.get_or_add_pPr().append(deepcopy(numbered))
        document.add_paragraph("正文。")
    assert read_docx(saved(document)).text == "## 背景\n\n正文。\n\n## 方法\n\n正文。"


def test_bullets_after_other_text_stay_bullets() -> None:
    document = docx.Document()
    for text, style in [("甲", "List Bullet"), ("说明", "Normal"), ("乙", "List Bullet")]:
        document.add_paragraph(text, style)
    assert read_docx(saved(document)).text == "- 甲\n\n说明\n\n- 乙"


def table_of(*rows: tuple[str, str], bold_head: bool = False, marked_head: bool = False) -> str:
    document = docx.Document()
    grid = document.add_table(len(rows), 2)
    for row, texts in zip(grid.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    if bold_head:
        for cell in grid.rows[0].cells:
            cell.paragraphs[0].runs[0].bold = True
    if marked_head:
        grid.rows[0]._tr.get_or_add_trPr().append(docx.oxml.OxmlElement("w:tblHeader"))
    return read_docx(saved(document)).text


def test_the_first_of_two_columns_names_the_rows_unless_the_first_row_is_marked_as_head() -> None:
    rows = (("作者", "老王"), ("版本", "2.3"))
    assert table_of(*rows) == "|  |  |\n| --- | --- |\n| 作者 | 老王 |\n| 版本 | 2.3 |"
    assert table_of(*rows, bold_head=True) == "| **作者** | **老王** |\n| --- | --- |\n| 版本 | 2.3 |"
    assert table_of(*rows, marked_head=True) == "| 作者 | 老王 |\n| --- | --- |\n| 版本 | 2.3 |"


def test_the_paragraphs_of_a_cell_stay_apart() -> None:
    text = table_of(("规格", "适用"), ("large", "网关\n推荐召回"), marked_head=True)
    assert text == "| 规格 | 适用 |\n| --- | --- |\n| large | 网关<br>推荐召回 |"


def test_pictures_are_left_out() -> None:
    document = docx.Document()
    document.add_paragraph("图前")
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    document.add_picture(io.BytesIO(base64.b64decode(pixel)))
    assert read_docx(saved(document)).text == "图前"


def test_a_document_without_text_is_empty_text() -> None:
    assert read_docx(saved(docx.Document())).text == ""


def zip_of(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the Word file is broken"),
        (b"PK\x03\x04 rubbish", "the Word file is broken"),
        ((NOTES / "handbook.docx").read_bytes()[:20_000], "the Word file is broken"),
        (zip_of(other=b"x"), "the Word file is broken"),
        (zip_of(word__document_xml=b"<broken"), "the Word file is broken"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), "the Word file is encrypted or in the old .doc format"),
        (zip_of(word__document_xml=bytes(100_000_001)), "the Word file unpacks to more than it should"),
    ],
    ids=["0 bytes", "rubbish", "cut off", "other zip", "broken XML", "encrypted", "zip bomb"],
)
def test_a_word_file_that_cannot_be_opened_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableNote) as caught:
        read_docx(data)
    assert caught.value.what.en == message


def test_nesting_beyond_the_parsers_depth_is_refused() -> None:
    document = docx.Document()
    nested = "<m:oMath>" * 5_000 + "</m:oMath>" * 5_000
    data = saved(document)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    body = f"<w:body><w:p {MATH}>{nested}</w:p>".encode()
    files["word/document.xml"] = files["word/document.xml"].replace(b"<w:body>", body)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableNote, match="the Word file is broken"):
        read_docx(file.getvalue())
