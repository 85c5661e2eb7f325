"use strict";
(() => {
  const page = document.documentElement;
  const frame = JSON.parse(document.getElementById("frame").textContent);
  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  const coarsePointer = window.matchMedia("(pointer: coarse)");

  /** The same figure with the colours of a dark ground; only what is a colour is looked at, never a text. */
  function onDark(value, key = "") {
    if (typeof value === "string") {
      const known = /colou?r$|colorway/i.test(key) && frame.dark[value.slice(0, 7)];
      return known ? known + value.slice(7) : value;
    }
    if (Array.isArray(value)) return /^(x|y|z|text|customdata)$/.test(key) ? value : value.map((one) => onDark(one, key));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, onDark(inner, name)]));
  }

  function figureOf(box) {
    const given = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
    const whole = { data: given.data, layout: { ...given.layout, template: frame.template } };
    return darkScheme.matches ? onDark(whole) : whole;
  }

  /** The layout in the room that there is; a finger scrolls the page and does not zoom. */
  function arrange(layout, plot) {
    const width = plot.clientWidth;
    const narrow = width < 560;
    const arranged = { ...layout, width, height: narrow ? 340 : 420, font: { size: narrow ? 11 : 12 } };
    if (coarsePointer.matches) arranged.dragmode = false;
    if (narrow) arranged.margin = { l: 40, r: 8, t: 34, b: 40 };
    return arranged;
  }

  const config = {
    displaylogo: false,
    responsive: false,
    typesetMath: false,
    showTips: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  };

  const circumstances = (plot) => `${plot.clientWidth} ${darkScheme.matches}`;

  async function draw(box) {
    const plot = box.querySelector(".plot");
    const columns = Number(plot.dataset.columns);
    plot.style.minWidth = columns > 1 ? `${160 * columns}px` : "";
    if (box.closest("details:not([open])")) return;
    try {
      const { data, layout } = figureOf(box);
      const arranged = arrange(layout, plot);
      await window.Plotly.react(plot, data, arranged, config);
      await withLegendBelow(plot, arranged.height);
      box.classList.add("drawn");
      plot.dataset.drawnFor = circumstances(plot);
    } catch (error) {
      box.classList.add("failed");
      box.dataset.error = String(error);
    }
  }

  /** Puts the legend below the plot, on as many lines as it needs, and makes the figure higher by them. */
  async function withLegendBelow(plot, height) {
    if (!plot.querySelector(".legend")) return;
    await window.Plotly.relayout(plot, {
      "legend.orientation": "h", "legend.yref": "container", "legend.y": 0, "legend.yanchor": "bottom",
      "legend.xref": "paper", "legend.x": 0, "legend.xanchor": "left", "legend.maxheight": 200,
    });
    const legend = Math.ceil(plot.querySelector(".legend").getBoundingClientRect().height);
    await window.Plotly.relayout(plot, { height: height + legend });
  }

  const charts = [...document.querySelectorAll("figure.chart")];

  /** Draws what is seen, one chart after another, so that the page stays usable. */
  async function drawAll() {
    for (const box of charts) {
      await draw(box);
      await new Promise((done) => setTimeout(done, 0));
    }
    page.dataset.charts = "drawn";
  }

  let waiting = 0;

  /** Draws again what has another width, was unfolded, or has the colours of another scheme. */
  function drawChanged() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const box of charts) {
        const plot = box.querySelector(".plot");
        if (plot.dataset.drawnFor !== circumstances(plot)) draw(box);
      }
    }, 120);
  }

  /** Makes a table's headings buttons: first the largest (or the first by name), then the reverse, then as it was. */
  function makeSortable(table) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    if (original.length < 2) return;
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, place) => {
      const numeric = heading.classList.contains("number");
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const cycle = numeric ? ["descending", "ascending", ""] : ["ascending", "descending", ""];
        const order = cycle[(cycle.indexOf(heading.getAttribute("aria-sort") || "") + 1) % 3];
        headings.forEach((one) => one.removeAttribute("aria-sort"));
        if (order) heading.setAttribute("aria-sort", order);
        body.append(...(order ? sorted(original, place, order === "ascending" ? 1 : -1) : original));
      });
    });
  }

  function sorted(rows, place, direction) {
    const names = new Intl.Collator("en", { numeric: true });
    const keyed = rows.map((row) => {
      const cell = row.cells[place];
      const missing = cell.querySelector(".missing") !== null;
      return { row, missing, number: Number(cell.dataset.number), text: cell.textContent.trim() };
    });
    keyed.sort((one, other) => {
      if (one.missing || other.missing) return one.missing - other.missing;
      const difference = one.number - other.number;
      return direction * (Number.isNaN(difference) ? names.compare(one.text, other.text) : difference);
    });
    return keyed.map((one) => one.row);
  }

  function makeCopyable(box) {
    const code = box.querySelector("code");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(code);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    box.querySelector(".title").after(button);
  }

  function followReader() {
    const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
    const watch = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        const link = links.get(target.getAttribute("aria-labelledby"));
        if (!isIntersecting || !link) continue;
        links.forEach((one) => one.removeAttribute("aria-current"));
        link.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-10% 0px -80% 0px" });
    document.querySelectorAll("main > section").forEach((section) => watch.observe(section));
  }

  document.querySelectorAll("figure.table table").forEach(makeSortable);
  document.querySelectorAll(".commands").forEach(makeCopyable);
  followReader();
  drawAll();
  darkScheme.addEventListener("change", drawAll);
  window.addEventListener("resize", drawChanged);
  document.addEventListener("toggle", drawChanged, true);

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.more:not([open]), details.alternative:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((one) => { one.open = false; });
    opened = [];
  });
})();
