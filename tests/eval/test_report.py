"""Tables and reports of whole runs."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from eval import figures, tables
from eval.answers import ANSWER_SCORERS
from eval.baseline import baseline_of
from eval.compare import compare, gate
from eval.judge import LexicalOverlap
from eval.judge_check import JudgeCheck, check_judge
from eval.judged import judged_scorers
from eval.markup import data_cell, whisker
from eval.pairs import LabelledPair
from eval.report import html_report, markdown_report
from eval.retrieval import retrieval_scorers
from eval.run import Run, score_run
from eval.stages import FINAL, STAGE_NAMES
from eval.stats import Estimate
from ingest.phrases import Phrase
from ingest.types import Place
from rag.chat_model import TokenUsage
from rag.types import Stage
from tests.eval.samples import REFUSAL, answered, case, cite, record
from tests.eval.test_run import SPEC

GOOD = answered([("It needs 2 GB <b>.", [1])], [cite(1, "cache.md", "It needs 2 GB.")], {"retrieve": 0.02})
BAD = answered([("Nothing of the sort", [1])], [cite(1, "cache.md", "KV cache")], {"retrieve": 0.03})
RANKINGS = {"dense": ((Place("cache.md", 0, 60),),), "reranked": ((Place("cache.md", 0, 60),),)}
STAGES_WITH_TIMES = ("condense", "retrieve", "rerank", "read", "generate", "verify", "reflect")
PAIRS = [LabelledPair(f"{n}", "cache cost" if n % 2 else "cache", bool(n % 2), "kind") for n in range(8)]


def run(name: str, second: object = BAD) -> Run:
    answer = second if second is not None else None
    records = [
        record(case("1", keypoints=["2 GB"]), GOOD, RANKINGS, 0.9),
        record(case("2", question="要多少？"), answer, RANKINGS, 0.4),  # type: ignore[arg-type]
        record(case("3", "unanswerable"), REFUSAL, RANKINGS, 0.1),
    ]
    scorers = (
        *ANSWER_SCORERS,
        *judged_scorers(LexicalOverlap(), records),
        *retrieval_scorers(("dense", "reranked")),
    )
    return score_run(Path(name), SPEC, records, scorers, [check_judge(LexicalOverlap(), PAIRS)])


def test_the_headline_shows_value_interval_and_the_four_outcomes() -> None:
    table = tables.headline([run("a", None)])
    recall = next(row for row in table.rows if row[0] == ANSWER_SCORERS[1].title)
    assert recall[0].en == "Citation recall"  # type: ignore[union-attr]
    assert re.fullmatch(r"0\.500 \[0\.\d\d, \d\.\d\d\]", str(recall[1]))
    assert recall[2:] == ("2", "1", "0", "0", "1")


def test_a_baseline_is_reported_with_the_retrieval_measures_that_it_keeps() -> None:
    kept = baseline_of(run("a"), Path("b"))
    found = tables.retrieval(kept)
    assert found is not None
    assert [row[:-1] for row in found.rows] == [(Phrase("reranked", "重排"), *"–––––––")]
    assert str(found.rows[0][-1]).startswith("1.000 [")
    assert "| reranked | – |" in markdown_report([kept], "en")
    assert texts(page(kept), "#retrieval td")[:2] == ["reranked重排", "–"]


def test_a_summary_finds_the_row_of_a_scorer() -> None:
    summary = run("a").summary
    assert summary.row("citation_recall") == summary.rows[1]
    assert summary.row("oracle") is None


def test_stages_have_names_in_both_languages_wherever_they_are_shown() -> None:
    one = run("a")
    retrieval = tables.retrieval(one)
    assert retrieval is not None
    assert [row[0] for row in retrieval.rows] == [Phrase("by meaning", "语义"), Phrase("reranked", "重排")]
    assert tables.cost(one).rows[0][0] == Phrase("searching", "检索")
    assert "nDCG@10（重排）" in html_report([one], "zh")
    depth, latency = figures.hits_by_depth([one]) or "", figures.latency([one]) or ""
    assert '"meta":["by meaning","语义"]' in depth
    assert '"ticks":[["searching"],["检索"]]' in latency
    for stage in (*get_args(Stage), FINAL, *STAGES_WITH_TIMES):
        assert stage in STAGE_NAMES


def test_two_runs_stand_side_by_side_and_are_compared() -> None:
    old, new = run("old"), run("new", GOOD)
    table = tables.headline([old, new])
    assert table.header[1:] == ("old", "new")
    compared = tables.comparison(compare(old, new))
    recall = next(row for row in compared.rows if row[0] == ANSWER_SCORERS[1].title)
    assert recall[1:3] == ("0.500", "1.000")
    assert str(recall[3]).startswith("+0.500 [")
    assert recall[-1] == "1 / 0"


def test_a_rate_of_failure_that_falls_is_printed_with_a_minus() -> None:
    old, new = run("old", REFUSAL), run("new", GOOD)
    compared = {row[0]: row for row in tables.comparison(compare(old, new)).rows}
    refusals = next(row for title, row in compared.items() if getattr(title, "en", "") == "False refusals")
    assert refusals[1:3] == ("0.500", "0.000")
    assert str(refusals[3]).startswith("-0.500 [")


def test_the_gate_names_the_cases_that_got_worse() -> None:
    lines = gate(run("old", GOOD), run("new", REFUSAL))
    rows = {row[0]: row for row in tables.gate_table(lines).rows}
    refusals = next(row for title, row in rows.items() if getattr(title, "en", "") == "False refusals")
    assert refusals[2].zh == "未通过"  # type: ignore[union-attr]
    assert refusals[3] == "2"
    conflicts = next(row for title, row in rows.items() if getattr(title, "en", "") == "Conflicts: false alarms")
    assert conflicts[2].zh == "通过"  # type: ignore[union-attr]


def test_the_gate_says_of_what_it_cannot_tell() -> None:
    lines = gate(run("old", GOOD), run("new", REFUSAL), spare=3)
    assert {row[2].zh for row in tables.gate_table(lines).rows} == {"无法判断"}  # type: ignore[union-attr]


def test_faithfulness_stands_beside_its_correction() -> None:
    perfect = [LabelledPair("cache", "cache", True, "k"), LabelledPair("cache", "disk", False, "k")] * 20
    one = run("a")
    scorers = judged_scorers(LexicalOverlap(), one.records)
    checked = score_run(Path("b"), SPEC, one.records, scorers, [check_judge(LexicalOverlap(), perfect)])
    titles = [row[0].en for row in tables.headline([checked]).rows]  # type: ignore[union-attr]
    assert titles[1:3] == [
        "Faithfulness (lexical-overlap)",
        "Faithfulness (lexical-overlap), corrected for the judge's errors",
    ]


@pytest.mark.parametrize("runs", [[run("a")], [run("a", None)], [run("a"), run("b", GOOD)]])
def test_the_html_report_stands_alone_and_holds_both_languages(runs: list[Run]) -> None:
    html = html_report(runs, "zh")
    tree = LexborHTMLParser(re.sub(r"<script>.*?</script>", "", html, count=1, flags=re.DOTALL))
    assert tree.css_first("html[lang=zh]")
    assert not tree.css("script[src], link, img, iframe")
    assert tree.css_first("meta[name=viewport]")
    text = tree.body.text() if tree.body else ""
    assert "Citation recall" in text
    assert "引用召回率" in text
    assert len(tree.css(".plotly-graph-div")) == 6


def page(*runs: Run) -> LexborHTMLParser:
    return LexborHTMLParser(re.sub(r"<script>.*?</script>", "", html_report(runs, "en"), flags=re.DOTALL))


def texts(tree: LexborHTMLParser | LexborNode, selector: str) -> list[str]:
    return [node.text() for node in tree.css(selector)]


def test_the_worst_cases_show_verdicts_gold_and_cited_words_as_text() -> None:
    tree = page(run("a"))
    assert texts(tree, ".case h3") == ["要多少？"]
    (worst,) = tree.css(".case")
    assert texts(worst, "summary .chip") == ["2", "fact", "answered作答"]
    assert texts(worst, ".answer .wrong") == ["✗Nothing of the sort [1]"]
    assert texts(worst, "blockquote") == ["It needs 2 GB.", "✗KV cache"]
    assert "Citation recall引用召回率 0.00" in texts(worst, ".chip.wrong")


def test_a_refusal_and_a_failure_among_the_worst_cases_say_so() -> None:
    refused, failed = page(run("a", REFUSAL)), page(run("a", None))
    assert "Nothing is cited." in refused.css(".sides")[0].text()
    assert texts(refused, "summary .chip")[2] == "refused拒答"
    assert "False refusals误拒率 1.00" in texts(refused, ".chip.wrong")
    assert texts(failed, ".answer .wrong") == ["ValueError: broken"]


def test_what_changed_is_shown_case_by_case_with_both_answers() -> None:
    tree = page(run("old"), run("new", GOOD))
    (change, *_) = tree.css("#changes .change")
    assert texts(change, "summary")[0].startswith("▲ 0.00 → 1.00 2要多少？")
    assert texts(change, ".answer") == ["Nothing of the sort [1]", "It needs 2 GB <b>. [1]"]


def test_the_page_opens_with_cards_and_faithfulness_never_stands_uncorrected_among_them_unsaid() -> None:
    class Mine(LexicalOverlap):
        name = "mine"

    def cards(*checks: JudgeCheck) -> str:
        records = run("a").records
        scorers = [*ANSWER_SCORERS, *judged_scorers(Mine(), records)]
        return " ".join(texts(page(score_run(Path("a"), SPEC, records, scorers, checks)), ".card"))

    perfect = [LabelledPair("cache", "cache", True, "k"), LabelledPair("cache", "disk", False, "k")] * 20
    assert "sentences supported, uncorrected" in cards()
    assert "sentences supported, corrected (50% as judged)" in cards(check_judge(Mine(), perfect))


def test_an_interval_is_drawn_within_its_rail() -> None:
    drawn = whisker(Estimate(0.5, 0.25, 1.0, 4), failure=False)
    assert 'x1="26.0" x2="98.0"' in drawn
    assert 'x1="50.0" x2="50.0"' in drawn
    beyond = whisker(Estimate(0.0, -9.0, 9.0, 4), failure=True, low=-1, high=1)
    assert 'x1="2.0" x2="98.0"' in beyond
    assert 'class="whisker failure"' in beyond


def test_markdown_holds_the_same_tables_in_one_language() -> None:
    text = markdown_report([run("a"), run("b", GOOD)], "zh")
    assert text.startswith("## 评测报告: b\n")
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### 得分",
        "### 对比",
        "### 检索：找到标准原文的比例",
        "### 按题型",
        "### 按提问语言",
        "### 风险与覆盖率",
        "### 每题耗时与长度",
        "### 评判者：lexical-overlap",
    ]
    assert "### Judge" not in markdown_report([run("a")], "en", judges=False)


def test_an_interval_stands_below_its_value() -> None:
    assert data_cell(tables.Interval("0.500", "0.25", "0.75")) == "<td>0.500<small>0.25–0.75</small></td>"
    assert data_cell(tables.Interval("+0.1", "-0.1", "+0.2")) == "<td>+0.1<small>-0.1 … +0.2</small></td>"
    assert data_cell("0.500 [0.25, 0.75]") == "<td>0.500 [0.25, 0.75]</td>"


def test_the_report_counts_one_error_and_many_questions() -> None:
    assert "3 questions over 1 document, 1 error, 0 answers with a notice" in html_report([run("a", None)], "en")


def test_a_bar_or_a_line_break_in_a_cell_does_not_break_a_markdown_table() -> None:
    table = tables.Table(title=ANSWER_SCORERS[0].title, header=("a",), rows=(("x|y\nz",),))
    assert tables.markdown(table, "en").splitlines()[-1] == "| x\\|y z |"


def test_what_an_answer_costs_is_told_in_milliseconds_characters_and_tokens() -> None:
    one = run("a")
    told = [
        replace(each, trial=replace(each.trial, tokens=TokenUsage(1200, 30)) if each.trial else None)
        for each in one.records
    ]
    table = tables.cost(score_run(Path("b"), SPEC, told, ANSWER_SCORERS))
    assert [tuple(cell.en if isinstance(cell, Phrase) else cell for cell in row) for row in table.rows] == [
        ("searching", "25", "30", "50", "2"),
        ("answer, characters", "22", "23", "45", "2"),
        ("tokens read by the chat model", "1,200", "1,200", "3,600", "3"),
        ("tokens written by the chat model", "30", "30", "90", "3"),
    ]


def test_the_areas_under_the_risk_coverage_curves_are_printed() -> None:
    rows = {getattr(row[0], "en", ""): row[1:] for row in tables.risk(run("a")).rows}
    assert rows["Citation recall"] == ("0.667", "0.389", "0.000")
