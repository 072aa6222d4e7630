"""Runs -> one HTML file that needs no network, in both languages, and the same numbers as Markdown."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from eval import figures, tables
from eval.compare import Difference, compare, is_gated
from eval.markup import both, data_cell, direction, note, plain_table, section, table, text_of, tinted, whisker
from eval.report_cases import changes, worst_cases
from eval.run import Run
from eval.score import Row
from eval.stages import FINAL
from eval.stats import Estimate
from eval.tables import MeasureLine, Table
from eval.types import EvalCase
from ingest.phrases import Language, Phrase
from rag.terms import language_of

_DATA = Path(__file__).parent / "data"
_TITLE = Phrase("Evaluation", "评测报告")


def markdown_report(runs: Sequence[Run], language: Language, *, judges: bool = True) -> str:
    """All tables, for a pull request; those of the judges only on demand. The last run is described and compared with
    the first."""
    head = f"## {_TITLE.to(language)}: {runs[-1].name}\n"
    checks = runs[-1].summary.judge_checks if judges else ()
    found = [*_tables(runs), *map(tables.judge_table, checks)]
    return "\n".join([head, *(tables.markdown(each, language) for each in found)])


def html_report(runs: Sequence[Run], language: Language) -> str:
    """One file of about 5 MB, most of it plotly.js. ``language`` is shown first; a button changes to the other."""
    run = runs[-1]
    style, script = ((_DATA / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    parts = list(_sections(runs))
    links = "".join(f'<a href="#{id_}">{both(title)}</a>' for id_, title, _ in parts)
    body = [
        f"<header><h1>{both(_TITLE)}: {escape(run.name)}</h1>{_provenance(run)}{_cards(run)}</header>",
        f'<nav>{links}<button id="language" type="button">中文 / English</button></nav>',
        *(section(id_, title, content) for id_, title, content in parts),
    ]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(run.name)}</title><style>{style}</style><script>{figures.plotly_script()}</script></head>"
        f"<body>{''.join(body)}<script>{script}</script></body></html>\n"
    )


def _tables(runs: Sequence[Run]) -> Iterator[Table]:
    run = runs[-1]
    yield tables.headline(runs)
    if len(runs) > 1:
        yield tables.comparison(compare(runs[0], run))
    if found := tables.retrieval(run):
        yield found
    yield tables.by_type(run)
    yield tables.by_language(run)
    yield tables.risk(run)
    yield tables.cost(run)


def _sections(runs: Sequence[Run]) -> Iterator[tuple[str, Phrase, str]]:
    """(id, title, content) of each section that has any."""
    run = runs[-1]
    yield "scores", Phrase("Scores", "得分"), _scores(runs)
    if len(runs) > 1:
        differences = compare(runs[0], run)
        content = _comparison(differences) + "".join(changes(runs[0], run, differences))
        yield "changes", Phrase("What changed", "变化"), content
    charts = _charts(runs)
    if charts:
        yield "curves", Phrase("Curves", "曲线"), charts
    if found := tables.retrieval(run):
        yield "retrieval", Phrase("Retrieval by stage", "各阶段检索"), plain_table(found)
    yield (
        "groups",
        Phrase("By type and language", "按题型与语言"),
        _breakdown(run, run.summary.by_type, lambda case: case.type)
        + "<br>"
        + _breakdown(run, run.summary.by_language, lambda case: language_of(case.question)),
    )
    worst = worst_cases(run)
    if worst:
        told = note(
            Phrase(
                "The lowest mean of the gated measures comes first. ✓ supported, ✗ not supported, ? no verdict; cited "
                "words are green where they touch gold words.",
                "按纳入门槛的指标均值从低到高。✓ 有依据，✗ 无依据，? 未判定；引用的原文与标准原文重合时为绿色。",
            )
        )
        yield "worst", Phrase("The worst cases", "最差的题"), told + "".join(worst)
    yield "cost", Phrase("Time and length", "耗时与长度"), plain_table(tables.cost(run))
    if run.summary.judge_checks:
        judges = "".join(_judge(tables.judge_table(check)) for check in run.summary.judge_checks)
        yield "judges", Phrase("The judges", "评判者"), judges


def _judge(found: Table) -> str:
    return f"<details open><summary><b>{both(found.title)}</b></summary>{plain_table(found)}</details>"


def _provenance(run: Run) -> str:
    spec, summary = run.spec, run.summary
    documents = len({record.case.cluster for record in run.records if record.case.evidence})
    counts = Phrase(
        f"{_number(summary.cases, 'question')} over {_number(documents, 'document')}, "
        f"{_number(summary.errors, 'error')}, {_number(summary.notices, 'answer')} with a notice, "
        f"{_number(summary.dropped_citations, 'citation')} dropped",
        f"{summary.cases} 道题，涉及 {documents} 篇文档；{summary.errors} 次出错，"
        f"{summary.notices} 个回答带提示，丢弃 {summary.dropped_citations} 处引用",
    )
    facts = [
        f"{spec.questions} {spec.questions_sha256[:8]}",
        f"commit {spec.commit[:8] or '–'}{' + changes' if spec.changes else ''}",
        " · ".join(f"{name}={value}" for name, value in spec.settings.items()),
        " · ".join(f"{name} {version}" for name, version in spec.versions.items()),
        " · ".join(f"{name}: {value}" for name, value in spec.machine.items()),
    ]
    listed = "".join(f"<div>{escape(fact)}</div>" for fact in facts)
    summary_line = both(Phrase("How it was made", "如何得到"))
    return (
        f'<div class="meta">{both(counts)}</div>'
        f'<details class="meta"><summary>{summary_line}</summary>{listed}</details>'
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_CARDS = (
    (f"{FINAL}/hit@5", Phrase("a gold quote among the first 5 hits", "前 5 条命中含标准原文")),
    ("right_citation", Phrase("answers with a right citation", "至少一处引用正确")),
    ("keypoint_terms", Phrase("key points made", "说到的要点")),
    ("false_answer", Phrase("unanswerable questions answered", "无答案却作答")),
    ("false_refusal", Phrase("answerable questions refused", "有答案却拒答")),
)


def _cards(run: Run) -> str:
    cards = [
        _card(row.estimate, title, row.rate_of_failure) for name, title in _CARDS if (row := run.summary.row(name))
    ]
    judged = next((row for row in run.summary.rows if tables.is_faithfulness(row) and is_gated(row.name)), None)
    if judged and judged.corrected:
        title = Phrase(
            f"sentences supported, corrected ({judged.estimate.value:.0%} as judged)",
            f"有依据的句子，已校正（评判值 {judged.estimate.value:.0%}）",
        )
        cards.insert(3, _card(judged.corrected, title, failure=False))
    elif judged:
        cards.insert(
            3, _card(judged.estimate, Phrase("sentences supported, uncorrected", "有依据的句子，未校正"), False)
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(estimate: Estimate, title: Phrase, failure: bool) -> str:
    return (
        f'<div class="card"><b>{estimate.value:.0%}</b><span>{both(title)} {direction(failure)}</span>'
        f'{whisker(estimate, failure)}<span class="meta">{estimate.low:.0%}–{estimate.high:.0%}</span></div>'
    )


def _scores(runs: Sequence[Run]) -> str:
    """One run with its counts, several side by side; every value with its interval drawn."""
    header = [f"<th>{both(Phrase('Measure', '指标'))}</th>"]
    for run in runs:
        name = escape(run.name) if len(runs) > 1 else both(Phrase("value", "数值"))
        header.append(f"<th>{name}</th><th>95 %</th>")
    if len(runs) == 1:
        header += [f'<th class="counts">{both(title)}</th>' for title in tables.COUNTS]
    rows = []
    for group, members in tables.groups(runs[-1].summary.rows):
        rows.append(f'<tr class="group"><td colspan="{len(header) + len(runs)}">{both(group)}</td></tr>')
        rows += [_score_line(line) for row in members for line in tables.measure_lines(row, runs)]
    return table(header, rows) + note(tables.WORST)


def _score_line(line: MeasureLine) -> str:
    values = "".join(_value_cells(estimate, line.rate_of_failure) for estimate in line.estimates)
    counts = "".join(f'<td class="counts">{count}</td>' for count in line.counts)
    return f"<tr><td>{both(line.title)} {direction(line.rate_of_failure)}</td>{values}{counts}</tr>"


def _value_cells(estimate: Estimate | None, failure: bool) -> str:
    if estimate is None:
        return "<td>–</td><td></td>"
    return (
        f"<td><b>{estimate.value:.3f}</b><small>{estimate.low:.2f}–{estimate.high:.2f}</small></td>"
        f"<td>{whisker(estimate, failure)}</td>"
    )


def _comparison(differences: Sequence[Difference]) -> str:
    """The table of the comparison with its intervals drawn; to the right is better."""
    found = tables.comparison(differences)
    header = [f"<th>{text_of(cell)}</th>" for cell in found.header]
    header.insert(4, f"<th>{both(Phrase('worse | better', '变差｜变好'))}</th>")
    widest = max((abs(v) for each in differences for v in _bounds(each.paired.difference)), default=0.0) or 1.0
    rows = []
    for difference, cells in zip(differences, found.rows, strict=True):
        shown = [data_cell(cell) for cell in cells]
        estimate = difference.paired.difference
        shown.insert(4, f"<td>{whisker(estimate, estimate.high < 0, -widest, widest)}</td>")
        rows.append(f"<tr>{''.join(shown)}</tr>")
    return table(header, rows) + (note(found.note) if found.note else "")


def _bounds(estimate: Estimate) -> tuple[float, ...]:
    return tuple(bound for bound in (estimate.low, estimate.high) if abs(bound) <= 1)


def _charts(runs: Sequence[Run]) -> str:
    charts = (
        (
            Phrase("Gold quotes found, by depth", "按深度找到的标准原文"),
            Phrase("Any gold quote among the first k hits of each stage.", "各阶段前 k 条命中含任一标准原文的比例。"),
            figures.hits_by_depth(runs),
        ),
        (
            Phrase("Faithfulness", "忠实度"),
            Phrase(
                "Share of answers with at least this share of supported sentences.", "有依据句子达到该比例的回答占比。"
            ),
            figures.faithfulness(runs),
        ),
        (
            Phrase("Abstention", "拒答"),
            Phrase("What another threshold on confidence would change.", "换一个置信度阈值会怎样。"),
            figures.abstention(runs),
        ),
        (
            Phrase("Risk and coverage", "风险与覆盖率"),
            Phrase("The most trusted answers first; lower is better.", "先答最有把握的；越低越好。"),
            figures.risk_coverage(runs),
        ),
        (
            Phrase("Reliability of the judges", "评判者的可靠性"),
            Phrase(
                "On labelled pairs; on the diagonal a probability means what it says.",
                "在带标注的句对上；落在对角线上则概率可信。",
            ),
            figures.reliability(runs[-1].summary.judge_checks),
        ),
        (
            Phrase("Time per stage", "各阶段耗时"),
            Phrase("Median and 95th percentile over the questions.", "各题的中位数与 95 分位。"),
            figures.latency(runs),
        ),
    )
    shown = [
        f'<div class="chart"><h3>{both(title)}</h3><p class="meta">{both(told)}</p>{chart}</div>'
        for title, told, chart in charts
        if chart
    ]
    return f'<div class="charts">{"".join(shown)}</div>' if shown else ""


def _breakdown(run: Run, groups: Mapping[str, Sequence[Row]], group_of: Callable[[EvalCase], str]) -> str:
    """A row for each group, a column for each measure that the gate checks."""
    measures = [row for row in run.summary.rows if is_gated(row.name)]
    counts = Counter(group_of(record.case) for record in run.records)
    header = [f"<th>{both(Phrase('Group', '组'))}</th>"]
    header += [f"<th>{both(row.title)} {direction(row.rate_of_failure)}</th>" for row in measures]
    rows = []
    for group, members in groups.items():
        found = {row.name: row for row in members}
        cells = "".join(tinted(found.get(row.name)) for row in measures)
        rows.append(f"<tr><td>{escape(group)}<small>n = {counts[group]}</small></td>{cells}</tr>")
    return table(header, rows, "breakdown")
