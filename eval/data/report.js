"use strict";
// Charts hold their texts in both languages and take their colours from the page.
function dress() {
  const language = document.documentElement.lang === "zh" ? 1 : 0;
  const style = getComputedStyle(document.body);
  const probe = document.createElement("i");
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const line = colour("--line");
  for (const chart of document.querySelectorAll(".plotly-graph-div")) {
    const texts = chart.layout.meta;
    Plotly.update(
      chart,
      { name: chart.data.map((trace) => (trace.meta ? trace.meta[language] : trace.name)) },
      {
        "font.color": style.color,
        "xaxis.title.text": texts.x[language],
        "yaxis.title.text": texts.y[language],
        ...(texts.ticks && { "yaxis.ticktext": texts.ticks[language] }),
        "xaxis.gridcolor": line,
        "yaxis.gridcolor": line,
        "xaxis.linecolor": line,
        "yaxis.linecolor": line,
      },
    );
  }
  probe.remove();
}
document.getElementById("language").addEventListener("click", () => {
  const root = document.documentElement;
  root.lang = root.lang === "zh" ? "en" : "zh";
  dress();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
dress();
