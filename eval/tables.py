"""Runs -> tables, the same for the HTML report, a pull request and the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.compare import MARGIN, Difference, GateLine, GateVerdict, is_gated
from eval.judge_check import Agreement, JudgeCheck
from eval.retrieval import HIT_RANKS
from eval.run import Run
from eval.score import Row, Spread
from eval.stages import stage_name
from eval.stats import Estimate
from ingest.phrases import Language, Phrase

_RETRIEVAL_COLUMNS = (*(f"hit@{k}" for k in HIT_RANKS), "recall@10", "MRR@10", "nDCG@10")


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends of its interval, as they are printed."""

    value: str
    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.value} [{self.low}, {self.high}]"


Cell = Phrase | Interval | str


@dataclass(frozen=True, slots=True)
class Table:
    """``note`` says what a reader must know to understand the numbers."""

    title: Phrase
    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Phrase | None = None


@dataclass(frozen=True, slots=True)
class MeasureLine:
    """A measure with its estimate in each run and, for a single run, the numbers that ``COUNTS`` names."""

    title: Phrase
    rate_of_failure: bool
    estimates: tuple[Estimate | None, ...]
    counts: tuple[str, ...]


COUNTS = (
    Phrase("cases", "题数"),
    Phrase("right", "对"),
    Phrase("wrong", "错"),
    Phrase("unscored", "未评"),
    Phrase("errors", "出错"),
)

_GROUPS = (
    (
        Phrase("Citations", "引用"),
        ("citation_precision", "citation_recall", "right_citation", "numbers_cited", "citation_need"),
    ),
    (Phrase("Support", "依据"), ("faithfulness",)),
    (Phrase("Content", "内容"), ("keypoint_terms", "keypoint_recall", "relevance")),
    (Phrase("Refusals", "拒答"), ("false_answer", "false_refusal")),
    (
        Phrase("Conflicts and false premises", "矛盾与错误前提"),
        ("both_sides", "conflict_shown", "conflict_alarm", "false_premise"),
    ),
)


def groups(rows: Sequence[Row]) -> Iterator[tuple[Phrase, list[Row]]]:
    """All rows but those of retrieval, by what they measure; the rows of a user's own scorers come last."""
    left = [row for row in rows if not _is_retrieval(row)]
    for title, measures in _GROUPS:
        members = [row for measure in measures for row in left if row.name.rpartition("/")[2] == measure]
        left = [row for row in left if row not in members]
        if members:
            yield title, members
    if left:
        yield Phrase("Your own", "自定义"), left


def headline(runs: Sequence[Run]) -> Table:
    """Every measure but those of retrieval; one run with its counts, several side by side."""
    rows = (row for _, members in groups(runs[-1].summary.rows) for row in members)
    lines: list[tuple[Cell, ...]] = [
        (line.title, *(_interval(each) if each else "–" for each in line.estimates), *line.counts)
        for row in rows
        for line in measure_lines(row, runs)
    ]
    values = [run.name for run in runs] if len(runs) > 1 else [Phrase("value [95 %]", "数值 [95 %]"), *COUNTS]
    return Table(Phrase("Scores", "得分"), (Phrase("Measure", "指标"), *values), tuple(lines), WORST)


def measure_lines(row: Row, runs: Sequence[Run]) -> Iterator[MeasureLine]:
    """The line of a row of the last run; faithfulness has a second one, corrected for the judge's errors."""
    found = [run.summary.row(row.name) for run in runs]
    numbers = (row.estimate.n, row.right, row.wrong, row.unscored, row.errors)
    counts = tuple(map(str, numbers)) if len(runs) == 1 else ()
    estimates = tuple(each.estimate if each else None for each in found)
    yield MeasureLine(row.title, row.rate_of_failure, estimates, counts)
    if is_faithfulness(row):
        title = Phrase(f"{row.title.en}, corrected for the judge's errors", f"{row.title.zh}，已校正评判误差")
        estimates = tuple(each.corrected if each else None for each in found)
        yield MeasureLine(title, row.rate_of_failure, estimates, (*counts[:1], *[""] * len(counts[1:])))


def retrieval(run: Run) -> Table | None:
    """A row for each stage, a column for each measure; a baseline keeps few of them."""
    by_stage: dict[str, dict[str, Row]] = {}
    for row in run.summary.rows:
        if _is_retrieval(row):
            stage, _, measure = row.name.partition("/")
            by_stage.setdefault(stage, {})[measure] = row
    rows: list[tuple[Cell, ...]] = [
        (
            stage_name(stage),
            *(_interval(measures[column].estimate) if column in measures else "–" for column in _RETRIEVAL_COLUMNS),
        )
        for stage, measures in by_stage.items()
    ]
    header: tuple[Cell, ...] = (Phrase("Stage", "阶段"), *_RETRIEVAL_COLUMNS)
    title = Phrase("Retrieval: gold quotes found", "检索：找到标准原文的比例")
    return Table(title, header, tuple(rows)) if rows else None


def breakdown(title: Phrase, groups: Mapping[str, Sequence[Row]]) -> Table:
    """A row for each group, a column for each measure that the gate checks."""
    names = {row.name: row.title for rows in groups.values() for row in rows if is_gated(row.name)}
    lines: list[tuple[Cell, ...]] = []
    for group, rows in groups.items():
        found = {row.name: row.estimate for row in rows}
        lines.append((group, *(_interval(found[name]) if name in found else "–" for name in names)))
    return Table(title, (Phrase("Group", "组"), *names.values()), tuple(lines))


def by_type(run: Run) -> Table:
    return breakdown(Phrase("By question type", "按题型"), run.summary.by_type)


def by_language(run: Run) -> Table:
    return breakdown(Phrase("By language of the question", "按提问语言"), run.summary.by_language)


def risk(run: Run) -> Table:
    """The areas of the risk-coverage curves, one per loss."""
    rows = [
        (row.title, f"{curve.risk[-1]:.3f}", f"{curve.area:.3f}", f"{curve.excess:.3f}")
        for quality, curve in run.summary.risk_coverage.items()
        if (row := run.summary.row(quality))
    ]
    header = (
        Phrase("Loss: 1 −", "损失：1 −"),
        Phrase("all answered", "全部作答"),
        Phrase("area (AURC)", "面积（AURC）"),
        Phrase("above the best (E-AURC)", "比最优多（E-AURC）"),
    )
    note = Phrase(
        "The mean loss when questions are answered from the most to the least trusted; 0 is best.",
        "从最有把握到最没把握依次作答时的平均损失；0 为最好。",
    )
    return Table(Phrase("Risk and coverage", "风险与覆盖率"), header, tuple(rows), note)


def cost(run: Run) -> Table:
    """Time by stage, the length of answers, and the chat model's tokens where its server reported them."""
    summary = run.summary
    rows = [_cost_line(stage_name(stage), spread, 1000) for stage, spread in summary.seconds.items()]
    others = (
        (Phrase("answer, characters", "回答字数"), summary.characters),
        (Phrase("tokens read by the chat model", "对话模型读入的 token"), summary.tokens_read),
        (Phrase("tokens written by the chat model", "对话模型写出的 token"), summary.tokens_written),
    )
    rows += [_cost_line(title, spread) for title, spread in others if spread]
    header = (
        Phrase("Stage, in ms", "阶段（毫秒）"),
        Phrase("median", "中位数"),
        Phrase("p95", "95 分位"),
        Phrase("total", "合计"),
        "n",
    )
    return Table(Phrase("Time and length per question", "每题耗时与长度"), header, tuple(rows))


def _cost_line(title: Cell, spread: Spread, factor: int = 1) -> tuple[Cell, ...]:
    values = (spread.median, spread.p95, spread.total)
    return (title, *(f"{factor * value:,.0f}" for value in values), str(spread.n))


def comparison(differences: Sequence[Difference]) -> Table:
    header = (
        Phrase("Measure", "指标"),
        Phrase("old", "旧"),
        Phrase("new", "新"),
        Phrase("new − old [95 %]", "新 − 旧 [95 %]"),
        "p",
        Phrase("p, Holm", "p（Holm）"),
        Phrase("detectable", "可检出差异"),
        Phrase("better / worse", "变好 / 变差"),
    )
    note = Phrase(
        "Paired by question; intervals are bootstrapped and p-values permuted over whole documents. “Detectable” is "
        "the smallest true difference that this many questions show four times out of five.",
        "按题配对；置信区间与 p 值均以文档为单位重抽样。“可检出差异”指这么多题目有八成把握能看出的最小真实差异。",
    )
    return Table(Phrase("Comparison", "对比"), header, tuple(map(_difference_line, differences)), note)


_VERDICTS: dict[GateVerdict, Phrase] = {
    "passed": Phrase("passed", "通过"),
    "failed": Phrase("FAILED", "未通过"),
    "cannot tell": Phrase("cannot tell", "无法判断"),
}


def gate_table(lines: Sequence[GateLine], margin: float = MARGIN, spare: int = 0) -> Table:
    rows = []
    for line in lines:
        shown = _difference_interval(line.difference) if line.difference else "–"
        worse = " ".join(change.case.id for change in line.difference.worse) if line.difference else ""
        rows.append((line.title, shown, _VERDICTS[line.verdict], worse))
    header = (
        Phrase("Measure", "指标"),
        Phrase("new − old [95 %]", "新 − 旧 [95 %]"),
        Phrase("gate", "门槛"),
        Phrase("cases that got worse", "变差的题"),
    )
    cases = "case" if spare == 1 else "cases"
    few = (
        Phrase(f", or when at most {spare} {cases} got worse", f"，或变差的题不超过 {spare} 道")
        if spare
        else Phrase("", "")
    )
    note = Phrase(
        f"A measure passes when its interval excludes a loss of {margin:g} or more{few.en}. One that would pass "
        "even if every answer were wrong cannot tell.",
        f"若置信区间排除了 {margin:g} 及以上的下降{few.zh}，则该指标通过。即使全部答错也会通过的指标，标为“无法判断”。",
    )
    return Table(Phrase("Gate", "质量门槛"), header, tuple(rows), note)


def judge_table(check: JudgeCheck) -> Table:
    groups: list[tuple[Cell, Agreement]] = [(Phrase("all", "全部"), check.overall)]
    groups += [*check.by_language.items(), *check.by_source.items(), *check.by_kind.items()]
    header = (
        Phrase("Pairs", "句对"),
        "n",
        Phrase("balanced accuracy", "平衡准确率"),
        Phrase("finds support", "认出有依据"),
        Phrase("finds none", "认出无依据"),
        Phrase("unscored", "未评"),
    )
    rows = tuple((name, *_agreement_cells(group)) for name, group in groups)
    return Table(Phrase(f"Judge: {check.judge}", f"评判者：{check.judge}"), header, rows)


def markdown(table: Table, language: Language) -> str:
    """A heading, the table and its note."""
    lines = [_markdown_line(table.header, language), "|---" * len(table.header) + "|"]
    lines += [_markdown_line(row, language) for row in table.rows]
    parts = [f"### {table.title.to(language)}", "\n".join(lines)]
    return "\n\n".join([*parts, table.note.to(language)] if table.note else parts) + "\n"


WORST = Phrase(
    "Missing results count as the worst value. Right, wrong and unscored count parts (sentences, citations, key "
    "points); errors count cases. The corrected value is “–” where the judge is no better than chance.",
    "缺失的结果按最差值计。对、错、未评按组成部分计数（句子、引用、要点）；出错按题计数。"
    "评判者不比瞎猜强时，校正值记为“–”。",
)


def is_faithfulness(row: Row) -> bool:
    """Whether this is a judge's share of supported sentences, which is never shown without its corrected value."""
    return row.name.endswith("/faithfulness")


def _is_retrieval(row: Row) -> bool:
    return row.name.partition("/")[2] in (*_RETRIEVAL_COLUMNS, *(f"recall@{k}" for k in HIT_RANKS))


def _difference_line(difference: Difference) -> tuple[Cell, ...]:
    old, new = difference.old, difference.new
    if difference.rate_of_failure:
        old, new = 1 - old, 1 - new
    return (
        difference.title,
        f"{old:.3f}",
        f"{new:.3f}",
        _difference_interval(difference),
        f"{difference.paired.p_value:.4f}",
        f"{difference.p_adjusted:.4f}",
        f"{difference.paired.detectable:.3f}",
        f"{len(difference.better)} / {len(difference.worse)}",
    )


def _difference_interval(difference: Difference) -> Interval:
    """As printed: a rate of failure that falls has a negative difference."""
    found = difference.paired.difference
    value, low, high = found.value, found.low, found.high
    if difference.rate_of_failure:
        value, low, high = 0.0 - value, 0.0 - high, 0.0 - low
    return Interval(f"{value:+.3f}", f"{low:+.3f}", f"{high:+.3f}")


def _agreement_cells(group: Agreement) -> tuple[Cell, ...]:
    shares = (group.balanced_accuracy, group.sensitivity, group.specificity)
    return (str(group.pairs), *(_interval(each) if each else "–" for each in shares), str(group.unscored))


def _interval(estimate: Estimate) -> Interval:
    return Interval(f"{estimate.value:.3f}", f"{estimate.low:.2f}", f"{estimate.high:.2f}")


def _markdown_line(cells: Sequence[Cell], language: Language) -> str:
    texts = (cell.to(language) if isinstance(cell, Phrase) else str(cell) for cell in cells)
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"
