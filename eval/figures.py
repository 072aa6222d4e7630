"""Runs -> Plotly figures as HTML fragments. ``eval/data/report.js`` gives them the page's language and colours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eval.judge_check import JudgeCheck
from eval.retrieval import HIT_RANKS
from eval.run import Run
from eval.score import values_of
from eval.stages import stage_name
from eval.stats import Estimate
from ingest.phrases import Phrase

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

_COLOURS = ("#4f7fd1", "#d9822b", "#2a9d8f", "#b0589d", "#8a8f98", "#c9504a", "#7a9a3a", "#5aa7c7")
"""Readable on white and on black, and distinct for most colour-blind people."""

_K = Phrase("hits looked at (k)", "看前几条（k）")
_ANSWERED = Phrase("share of questions answered", "作答比例")
_FAITHFUL = Phrase("faithfulness of at least", "忠实度不低于")
_MILLISECONDS = Phrase("milliseconds", "毫秒")


def plotly_script() -> str:
    """plotly.js itself, for one ``<script>`` element; nothing is fetched."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    return str(get_plotlyjs())


def hits_by_depth(runs: Sequence[Run]) -> str | None:
    """hit@k with intervals, a line per run and stage. The axis begins below the lowest interval."""
    figure = _figure(_K, Phrase("hit@k", "hit@k"))
    lowest = 1.0
    for run in runs:
        stages = [row.name.partition("/")[0] for row in run.summary.rows if row.name.endswith(f"/hit@{HIT_RANKS[0]}")]
        for stage in stages:
            rows = [run.summary.row(f"{stage}/hit@{k}") for k in HIT_RANKS]
            estimates = [row.estimate for row in rows if row]
            lowest = min(lowest, *(each.low for each in estimates))
            figure.add_scatter(
                x=list(HIT_RANKS),
                y=[each.value for each in estimates],
                error_y=_error_bars(estimates),
                **_named(_prefixed(stage_name(stage), run, runs)),
            )
    figure.update_xaxes(type="log", tickvals=list(HIT_RANKS), ticktext=[str(k) for k in HIT_RANKS])
    figure.update_yaxes(range=[max(0.0, lowest - 0.05), 1.02])
    return _html(figure, "hits-by-depth")


def risk_coverage(runs: Sequence[Run]) -> str | None:
    """Mean loss of the answers given when more and more questions are answered, the most trusted first."""
    figure = _figure(_ANSWERED, Phrase("mean loss of the answers", "回答的平均损失"))
    for run in runs:
        for quality, curve in run.summary.risk_coverage.items():
            if row := run.summary.row(quality):
                said = Phrase(
                    f"1 − {row.title.en}: area {curve.area:.3f}, {curve.excess:.3f} above the best",
                    f"1 − {row.title.zh}：面积 {curve.area:.3f}，比最优多 {curve.excess:.3f}",
                )
                figure.add_scatter(
                    x=list(curve.coverage),
                    y=list(curve.risk),
                    mode="lines",
                    **_named(_prefixed(said, run, runs)),
                )
    return _html(figure, "risk-coverage")


def faithfulness(runs: Sequence[Run]) -> str | None:
    """The share of answers that are at least this faithful, per judge."""
    figure = _figure(_FAITHFUL, Phrase("share of answers", "回答比例"))
    for run in runs:
        for row in run.summary.rows:
            if row.name.endswith("/faithfulness"):
                values = sorted(values_of(row.name, run.records, run.scores).values())
                figure.add_scatter(
                    x=[0.0, *values],
                    y=[1.0, *(1 - index / len(values) for index in range(len(values)))],
                    mode="lines",
                    line_shape="vh",
                    name=_prefix(run, runs) + row.name.removesuffix("/faithfulness"),
                )
    figure.update_xaxes(range=[-0.02, 1.02])
    return _html(figure, "faithfulness")


def abstention(runs: Sequence[Run]) -> str | None:
    """False answers against false refusals if every question were answered whose confidence reaches a threshold; a dot
    marks the run itself."""
    figure = _figure(Phrase("false refusals", "误拒率"), Phrase("false answers", "误答率"))
    for number, run in enumerate(runs):
        trusted = [
            (record.trial.confidence, record.case.answerable)
            for record in run.records
            if record.trial and record.trial.confidence is not None
        ]
        answerable = sorted(confidence for confidence, answers in trusted if answers)
        others = sorted(confidence for confidence, answers in trusted if not answers)
        if not (answerable and others):
            continue
        colour = _COLOURS[number % len(_COLOURS)]
        thresholds = sorted({*answerable, *others, max(answerable[-1], others[-1]) + 1})
        figure.add_scatter(
            x=[sum(each < threshold for each in answerable) / len(answerable) for threshold in thresholds],
            y=[sum(each >= threshold for each in others) / len(others) for threshold in thresholds],
            mode="lines",
            line={"shape": "hv", "color": colour},
            **_named(_prefixed(Phrase("any threshold", "任意阈值"), run, runs)),
        )
        refusals, wrong = run.summary.row("false_refusal"), run.summary.row("false_answer")
        if refusals and wrong:
            figure.add_scatter(
                x=[refusals.estimate.value],
                y=[wrong.estimate.value],
                mode="markers",
                marker={"size": 11, "color": colour},
                **_named(_prefixed(Phrase("as run", "本次评测"), run, runs)),
            )
    figure.update_xaxes(range=[-0.02, 1.02])
    return _html(figure, "abstention")


def reliability(checks: Sequence[JudgeCheck]) -> str | None:
    """A judge's probability of support against the share of pairs that people found supported."""
    figure = _figure(
        Phrase("the judge's probability of support", "评判者给出的有依据概率"),
        Phrase("share that is supported", "实际有依据的比例"),
    )
    for check in checks:
        estimates = [each.supported for each in check.reliability]
        most = max((each.n for each in check.reliability), default=1)
        figure.add_scatter(
            x=[each.probability for each in check.reliability],
            y=[each.value for each in estimates],
            error_y=_error_bars(estimates),
            mode="lines+markers",
            marker={"size": [6 + 12 * (each.n / most) ** 0.5 for each in check.reliability]},
            text=[f"n = {each.n}" for each in check.reliability],
            name=check.judge,
        )
    if checks:
        figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"dash": "dot", "width": 1, "color": "#8a8f98"})
    figure.update_xaxes(range=[-0.02, 1.02])
    return _html(figure, "reliability")


def latency(runs: Sequence[Run]) -> str | None:
    """Median and 95th percentile per stage, in milliseconds; the first stage on top."""
    figure = _figure(_MILLISECONDS, Phrase("", ""))
    for run in runs:
        seconds = run.summary.seconds
        for label, values in (
            (Phrase("median", "中位数"), [spread.median for spread in seconds.values()]),
            (Phrase("95th percentile", "95 分位"), [spread.p95 for spread in seconds.values()]),
        ):
            if values:
                figure.add_bar(
                    y=list(seconds),
                    x=[1000 * value for value in values],
                    orientation="h",
                    **_named(_prefixed(label, run, runs)),
                )
    stages = list(dict.fromkeys(stage for run in runs for stage in run.summary.seconds))
    names = [stage_name(stage) for stage in stages]
    figure.update_yaxes(
        autorange="reversed", range=None, rangemode=None, tickvals=stages, ticktext=[name.en for name in names]
    )
    figure.layout.meta |= {"ticks": [[name.en for name in names], [name.zh for name in names]]}
    return _html(figure, "latency")


def _error_bars(estimates: Sequence[Estimate]) -> dict[str, Any]:
    return {
        "array": [each.high - each.value for each in estimates],
        "arrayminus": [each.value - each.low for each in estimates],
        "thickness": 1,
        "width": 3,
    }


def _prefix(run: Run, runs: Sequence[Run]) -> str:
    return f"{run.name}: " if len(runs) > 1 else ""


def _prefixed(phrase: Phrase, run: Run, runs: Sequence[Run]) -> Phrase:
    prefix = _prefix(run, runs)
    return Phrase(prefix + phrase.en, prefix + phrase.zh)


def _named(phrase: Phrase) -> dict[str, Any]:
    """A trace's name, and the same in both languages."""
    return {"name": phrase.en, "meta": [phrase.en, phrase.zh]}


def _figure(x: Phrase, y: Phrase) -> "Figure":
    """The vertical axis runs from 0 to 1 unless changed."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        template="none",
        height=340,
        margin={"l": 56, "r": 12, "t": 8, "b": 48},
        legend={"orientation": "h", "y": -0.3, "font": {"size": 11}},
        font={"family": "system-ui, sans-serif", "size": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=_COLOURS,
        meta={"x": [x.en, x.zh], "y": [y.en, y.zh]},
        hoverlabel={"font": {"size": 12}},
        bargap=0.3,
    )
    figure.update_xaxes(title=x.en, zeroline=False, automargin=True)
    figure.update_yaxes(title=y.en, zeroline=False, automargin=True, range=[0, 1.02])
    return figure


def _html(figure: "Figure", id_: str) -> str | None:
    """None for a figure without data."""
    if not figure.data:
        return None
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=id_,
            config={"responsive": True, "displaylogo": False, "displayModeBar": False},
        )
    )
