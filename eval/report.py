"""Runs -> one HTML file that needs no network, in both languages, and the same numbers as Markdown."""

from collections.abc import Iterator, Sequence
from html import escape

from eval import figures, tables
from eval.answers import places_of
from eval.compare import Change, Difference, compare, is_gated
from eval.evidence import touched
from eval.run import Run
from eval.score import Scores
from eval.tables import Cell, Table
from eval.types import EvalRecord
from ingest.phrases import Language, Phrase

WORST_SHOWN = 20
CHANGES_SHOWN = 30

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--good:#2e9e5b33;--bad:#d9413d33;--none:#8883}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;max-width:72rem;margin:0 auto;padding:1rem}
html[lang=en] .zh,html[lang=zh] .en{display:none}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;white-space:nowrap}
td.wide{white-space:normal;min-width:14rem}
.note,.meta{color:#777;font-size:.85rem}
.case{border:1px solid var(--line);border-radius:.5rem;padding:.8rem;margin:.8rem 0}
.case h3{font-size:1rem;margin:0 0 .5rem}
.right{background:var(--good)}.wrong{background:var(--bad)}.unscored{background:var(--none)}
.right,.wrong,.unscored{border-radius:.25rem;padding:0 .2rem;display:inline-block;margin:.1rem 0;white-space:pre-wrap}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:.8rem}
blockquote{margin:.3rem 0;padding:.2rem .6rem;border-left:3px solid var(--line);white-space:pre-wrap}
blockquote{overflow-wrap:anywhere}
button{font:inherit;padding:.2rem .8rem;border-radius:.5rem;border:1px solid var(--line);background:none;float:right}
@media(max-width:40rem){.sides{grid-template-columns:1fr}body{padding:.6rem}}
@media(prefers-color-scheme:dark){.plotly-graph-div{background:#fff;border-radius:.5rem}}
"""
_SWITCH = "document.documentElement.lang=document.documentElement.lang=='zh'?'en':'zh'"


def markdown_report(runs: Sequence[Run], language: Language) -> str:
    """All tables, for a pull request. The last run is the one described, compared with the first."""
    head = f"## {_TITLE.to(language)}: {runs[-1].name}\n"
    return "\n".join([head, *(tables.markdown(table, language) for table in _tables(runs))])


def html_report(runs: Sequence[Run], language: Language) -> str:
    """One file of about 5 MB, most of it plotly.js. ``language`` is the one shown first; a button changes it."""
    run = runs[-1]
    differences = compare(runs[0], run) if len(runs) > 1 else ()
    body = [
        f'<button onclick="{_SWITCH}">中文 / English</button>',
        f"<h1>{_both(_TITLE)}: {escape(run.name)}</h1>",
        _provenance(run),
        *(_table(table) for table in _tables(runs)),
        *_charts(runs),
        *(part for difference in differences if is_gated(difference.name) for part in _changes(difference)),
        *_worst_cases(run),
    ]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(run.name)}</title><style>{_STYLE}</style><script>{figures.plotly_script()}</script></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


_TITLE = Phrase("Evaluation", "评测报告")


def _tables(runs: Sequence[Run]) -> Iterator[Table]:
    run = runs[-1]
    yield tables.headline(runs)
    if len(runs) > 1:
        yield tables.comparison(compare(runs[0], run))
    if found := tables.retrieval(run):
        yield found
    yield tables.by_type(run)
    yield tables.by_language(run)
    yield tables.cost(run)
    for check in run.summary.judge_checks:
        yield tables.judge_table(check)


def _provenance(run: Run) -> str:
    spec, summary = run.spec, run.summary
    documents = len({record.case.cluster for record in run.records if record.case.evidence})
    counts = Phrase(
        f"{summary.cases} questions over {documents} documents, {summary.errors} errors, "
        f"{summary.notices} answers with a notice, {summary.dropped_citations} citations dropped",
        f"{summary.cases} 道题，涉及 {documents} 篇文档；{summary.errors} 次出错，"
        f"{summary.notices} 个回答带提示，丢弃 {summary.dropped_citations} 处引用",
    )
    facts = [
        _both(counts),
        escape(f"{spec.questions} {spec.questions_sha256[:8]}"),
        escape(f"commit {spec.commit[:8] or '–'}{' + changes' if spec.dirty else ''}"),
        escape(" · ".join(f"{name}={value}" for name, value in spec.settings.items())),
        escape(" · ".join(f"{name} {version}" for name, version in spec.versions.items())),
        escape(" · ".join(f"{name}: {value}" for name, value in spec.machine.items())),
    ]
    return "".join(f'<div class="meta">{fact}</div>' for fact in facts)


def _charts(runs: Sequence[Run]) -> Iterator[str]:
    charts = (
        (Phrase("Gold quotes found, by depth", "按深度找到的标准原文"), figures.hits_by_depth(runs)),
        (Phrase("Faithfulness", "忠实度"), figures.faithfulness(runs)),
        (Phrase("Abstention: what a threshold would do", "拒答：不同阈值的效果"), figures.abstention(runs)),
        (Phrase("Risk and coverage", "风险与覆盖率"), figures.risk_coverage(runs)),
        (Phrase("Reliability of the judge", "评判者的可靠性"), figures.reliability(runs[-1].summary.judge_checks)),
        (Phrase("Time per stage", "各阶段耗时"), figures.latency(runs)),
    )
    for title, chart in charts:
        if chart:
            yield f"<h2>{_both(title)}</h2>{chart}"


def _changes(difference: Difference) -> Iterator[str]:
    """Losses first, then wins."""
    changes = [*difference.worse, *difference.better]
    if changes:
        title = Phrase(f"What changed: {difference.title.en}", f"变化：{difference.title.zh}")
        header: tuple[Cell, ...] = (
            Phrase("Case", "题"),
            Phrase("old", "旧"),
            Phrase("new", "新"),
            Phrase("Question", "问题"),
        )
        rows = tuple(_change_cells(change) for change in changes[:CHANGES_SHOWN])
        yield _table(Table(title, header, rows))


def _change_cells(change: Change) -> tuple[Cell, ...]:
    return (change.case.id, f"{change.old:.2f}", f"{change.new:.2f}", change.case.question)


def worst_cases(run: Run) -> list[EvalRecord]:
    """The cases with the lowest mean over the gated measures, none that are perfect, the worst first."""
    means = {record.case.id: _mean(run.scores, record) for record in run.records}
    worst = sorted((record for record in run.records if means[record.case.id] < 1), key=lambda r: means[r.case.id])
    return worst[:WORST_SHOWN]


def _worst_cases(run: Run) -> Iterator[str]:
    worst = worst_cases(run)
    if worst:
        yield f"<h2>{_both(Phrase('The worst cases', '最差的题'))}</h2>"
    for record in worst:
        yield _case(record, run.scores)


def _mean(scores: Scores, record: EvalRecord) -> float:
    values = [score.value or 0.0 for name, score in scores[record.case.id].items() if is_gated(name)]
    return sum(values) / len(values) if values else 1.0


def _case(record: EvalRecord, scores: Scores) -> str:
    case, trial = record.case, record.trial
    found = scores[case.id]
    asked = " → ".join([*case.history, case.question])
    shown = " · ".join(
        f"{name} {'–' if score.value is None else f'{score.value:.2f}'}"
        for name, score in found.items()
        if is_gated(name)
    )
    parts = [
        f"<h3>{escape(f'{case.id} ({case.type})')}: {escape(asked)}</h3>",
        f'<div class="meta">{escape(shown)}</div>',
    ]
    if trial is None:
        parts.append(f'<p class="wrong">{escape(record.error)}</p>')
    elif trial.answer.abstained:
        parts.append(f"<p>{escape(trial.answer.text)}</p>")
    else:
        parts += [f"<p>{_sentence(text, verdict)}</p>" for text, verdict in _sentences(record, scores)]
    gold = "".join(_quote(f"{each.document_id}", each.quote, None) for each in (*case.evidence, *case.alternatives))
    expected = "".join(f"<li>{escape(point)}</li>" for point in case.keypoints)
    left = f"<div><b>{_both(Phrase('Gold', '标准'))}</b>{gold}<ul>{expected}</ul></div>"
    right = f"<div><b>{_both(Phrase('Cited', '引用'))}</b>{''.join(_citations(record))}</div>"
    return f'<div class="case">{"".join(parts)}<div class="sides">{left}{right}</div></div>'


def _sentences(record: EvalRecord, scores: Scores) -> Iterator[tuple[str, str]]:
    """Each sentence with the verdict of the first gated judge, or of word overlap if there is no other."""
    assert record.trial
    sentences = record.trial.answer.sentences
    names = [name for name in scores[record.case.id] if name.endswith("/faithfulness")]
    judged = sorted(names, key=lambda name: not is_gated(name))
    parts = scores[record.case.id][judged[0]].parts if judged else (None,) * len(sentences)
    verdict = {True: "right", False: "wrong", None: "unscored"}
    for sentence, part in zip(sentences, parts, strict=True):
        yield sentence.text + "".join(f" [{number}]" for number in sentence.citations), verdict[part]


def _sentence(text: str, verdict: str) -> str:
    return f'<span class="{verdict}">{escape(text)}</span>'


def _citations(record: EvalRecord) -> Iterator[str]:
    """Each cited quote, marked by whether it touches a gold quote."""
    gold = (*record.gold.evidence, *record.gold.alternatives)
    for citation in record.trial.answer.citations if record.trial else ():
        place = " > ".join((citation.document_id, *citation.headings))
        touching = bool(touched(gold, places_of(citation))) if gold else None
        yield _quote(f"[{citation.number}] {place}", citation.quote, touching)


def _quote(place: str, words: str, touching: bool | None) -> str:
    kind = {True: ' class="right"', False: ' class="wrong"', None: ""}[touching]
    return f'<div class="meta">{escape(place)}</div><blockquote><span{kind}>{escape(words)}</span></blockquote>'


def _table(table: Table) -> str:
    header = "".join(f"<th>{_cell(cell)}</th>" for cell in table.header)
    rows = "".join(f"<tr>{''.join(map(_data_cell, row))}</tr>" for row in table.rows)
    note = f'<p class="note">{_both(table.note)}</p>' if table.note else ""
    return f'<h2>{_both(table.title)}</h2><div class="scroll"><table><tr>{header}</tr>{rows}</table></div>{note}'


def _data_cell(cell: Cell) -> str:
    wide = ' class="wide"' if isinstance(cell, str) and len(cell) > 40 else ""
    return f"<td{wide}>{_cell(cell)}</td>"


def _cell(cell: Cell) -> str:
    return _both(cell) if isinstance(cell, Phrase) else escape(cell)


def _both(phrase: Phrase) -> str:
    if phrase.en == phrase.zh:
        return escape(phrase.en)
    return f'<span class="en">{escape(phrase.en)}</span><span class="zh">{escape(phrase.zh)}</span>'
