"""Runs -> plotly figures as HTML fragments. Axis titles carry both languages, so that one figure serves both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eval.judge_check import JudgeCheck
from eval.retrieval import HIT_RANKS
from eval.run import Run
from eval.score import values_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]


def plotly_script() -> str:
    """plotly.js itself, for one ``<script>`` element; nothing is fetched."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    return str(get_plotlyjs())


def hits_by_depth(runs: Sequence[Run]) -> str | None:
    """hit@k with intervals, a line per run and stage."""
    figure = _figure("k", "hit@k")
    for run in runs:
        rows = {row.name: row.estimate for row in run.summary.rows}
        stages = dict.fromkeys(name.partition("/")[0] for name in rows if name.endswith(f"/hit@{HIT_RANKS[0]}"))
        for stage in stages:
            estimates = [rows[f"{stage}/hit@{k}"] for k in HIT_RANKS]
            figure.add_scatter(
                x=list(HIT_RANKS),
                y=[each.value for each in estimates],
                error_y={
                    "array": [each.high - each.value for each in estimates],
                    "arrayminus": [each.value - each.low for each in estimates],
                    "thickness": 1,
                },
                name=stage if len(runs) == 1 else f"{run.name}: {stage}",
            )
    figure.update_xaxes(type="log", tickvals=list(HIT_RANKS), ticktext=[str(k) for k in HIT_RANKS])
    return _html(figure)


def risk_coverage(runs: Sequence[Run]) -> str | None:
    """Mean loss of the answers given, as more and more questions are answered, most trusted first."""
    figure = _figure("share of questions answered / 作答比例", "mean loss / 平均损失")
    for run in runs:
        for quality, curve in run.summary.risk_coverage.items():
            figure.add_scatter(
                x=list(curve.coverage),
                y=list(curve.risk),
                mode="lines",
                name=f"{_prefix(run, runs)}1 − {quality} (AURC {curve.area:.3f}, E-AURC {curve.excess:.3f})",
            )
    return _html(figure)


def faithfulness(runs: Sequence[Run]) -> str | None:
    """The share of answers that are at least so faithful, per judge."""
    figure = _figure("at least so faithful / 忠实度不低于", "share of answers / 回答比例")
    for run in runs:
        for row in run.summary.rows:
            if row.name.endswith("/faithfulness"):
                values = sorted(values_of(row.name, run.records, run.scores).values())
                figure.add_scatter(
                    x=values,
                    y=[1 - index / len(values) for index in range(len(values))],
                    mode="lines",
                    line_shape="vh",
                    name=_prefix(run, runs) + row.name.removesuffix("/faithfulness"),
                )
    return _html(figure)


def abstention(runs: Sequence[Run]) -> str | None:
    """False answers against false refusals, were every question answered whose confidence reaches a threshold."""
    figure = _figure("false refusals / 误拒率", "false answers / 误答率")
    for run in runs:
        trusted = [
            (record.trial.confidence, record.case.answerable)
            for record in run.records
            if record.trial and record.trial.confidence is not None
        ]
        answerable = sorted(confidence for confidence, answers in trusted if answers)
        others = sorted(confidence for confidence, answers in trusted if not answers)
        if answerable and others:
            thresholds = sorted({*answerable, *others, max(answerable[-1], others[-1]) + 1})
            figure.add_scatter(
                x=[sum(each < threshold for each in answerable) / len(answerable) for threshold in thresholds],
                y=[sum(each >= threshold for each in others) / len(others) for threshold in thresholds],
                mode="lines",
                line_shape="hv",
                name=run.name,
            )
    return _html(figure)


def reliability(checks: Sequence[JudgeCheck]) -> str | None:
    """A judge's probability of support against the share of pairs that people found supported."""
    figure = _figure("probability of support / 判为有依据的概率", "share supported / 实际有依据的比例")
    for check in checks:
        estimates = [each.supported for each in check.reliability]
        figure.add_scatter(
            x=[each.probability for each in check.reliability],
            y=[each.value for each in estimates],
            error_y={
                "array": [each.high - each.value for each in estimates],
                "arrayminus": [each.value - each.low for each in estimates],
                "thickness": 1,
            },
            text=[f"n = {each.n}" for each in check.reliability],
            name=check.judge,
        )
    if checks:
        figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"dash": "dot", "width": 1})
    return _html(figure)


def latency(runs: Sequence[Run]) -> str | None:
    """Median and 95th percentile per stage, in milliseconds."""
    figure = _figure("stage / 阶段", "ms / 毫秒", share=False)
    for run in runs:
        seconds = run.summary.seconds
        for label, values in (
            ("median / 中位数", [spread.median for spread in seconds.values()]),
            ("p95", [spread.p95 for spread in seconds.values()]),
        ):
            if values:
                figure.add_bar(x=list(seconds), y=[1000 * value for value in values], name=_prefix(run, runs) + label)
    return _html(figure)


def _prefix(run: Run, runs: Sequence[Run]) -> str:
    return f"{run.name}: " if len(runs) > 1 else ""


def _figure(x: str, y: str, share: bool = True) -> "Figure":
    """``share``: the vertical axis runs from 0 to 1."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        template="plotly_white",
        height=360,
        margin={"l": 50, "r": 10, "t": 10, "b": 50},
        legend={"orientation": "h", "y": -0.25},
        font={"family": "system-ui, sans-serif"},
    )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, rangemode="tozero")
    if share:
        figure.update_yaxes(range=[0, 1.02])
    return figure


def _html(figure: "Figure") -> str | None:
    """None for a figure without data."""
    if not figure.data:
        return None
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            config={"responsive": True, "displaylogo": False, "displayModeBar": False},
        )
    )
