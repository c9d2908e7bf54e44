#!/usr/bin/env python3
"""Draws docs/performance.svg from the csv files of peers.sh and grow.sh.

    tests/bench/plot.py build/bench docs/performance.svg

Above: each work, and the time (or memory) of every peer as a multiple of that of a Vesicle script,
on one logarithmic scale; a bar ends at the median, a thin line spans the rounds. Below: how cost
grows with the number of live actors. Legible on light and dark pages: the colors follow the page.
"""

import html
import math
import pathlib
import statistics
import sys

import figures

WIDTH = 960
MARGIN = 16

# Light and dark color of each series.
COLORS = {
    "raw": ("#6b7280", "#9ca3af"),
    "native": ("#c2570c", "#fb923c"),
    "script": ("#7c3aed", "#b294ff"),
    "node": ("#15803d", "#4ade80"),
    "luajit": ("#1d4ed8", "#7aa7ff"),
    "lua5.4": ("#0e7490", "#38c8e8"),
    "erlang": ("#be123c", "#fb7185"),
    "caf": ("#a16207", "#eab308"),
    "go": ("#0f766e", "#2dd4bf"),
    "capnp": ("#475569", "#94a3b8"),
}
TITLES = {
    "ring_build_us": ("Ring of 100,000 built", "us an actor"),
    "ring_hop_ns": ("Ring of 100,000", "ns a hop"),
    "ring_1m_build_us": ("Ring of 1,000,000 built", "us an actor"),
    "ring_1m_hop_ns": ("Ring of 1,000,000", "ns a hop"),
    "fanin_burst_ns": ("Fan-in, burst", "ns a message"),
    "fanin_paced_ns": ("Fan-in, paced", "ns a message"),
    "create_ns": ("Create, one message, forget", "ns an actor"),
    "idle_bytes": ("Idle actor, one capture", "bytes"),
    "fib_ms": ("fib(30)", "ms"),
    "loop_ms": ("50 M additions", "ms"),
    "list_ms": ("List of a million, built and reversed", "ms"),
    "walls_ask_ns": ("Ask through a membrane", "ns"),
    "walls_ask_refs_ns": ("The same with two refs", "ns"),
    "wire_one_ns": ("Ask of another process, one at a time", "ns"),
    "wire_many_ns": ("The same, 1,000 under way", "ns"),
    "wire_tell_ns": ("Message to another process", "ns"),
    "wire_chain_ns": ("Ask of an answer that is under way", "ns"),
    "walls_cross_ns": ("A new ref crosses", "ns"),
}
LABELS = {"capnp": "Cap'n Proto", "script": "Vesicle", "native": "Vesicle C++", "raw": "raw C++"}


def class_of(name):
    return "c-" + name.replace(".", "")


def style():
    def rules(i):
        return "".join(
            f".{class_of(n)}{{fill:{c[i]}}}.l-{class_of(n)}{{stroke:{c[i]}}}" for n, c in COLORS.items()
        )

    return (
        "<style>"
        "text{font:11px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2328}"
        ".t{font-weight:600;font-size:12px}.h{font-weight:600;font-size:15px}.m{fill:#57606a}"
        ".g{stroke:#d0d7de;stroke-width:1}.one{stroke:#57606a;stroke-width:1}"
        ".w{stroke:#1f2328;stroke-width:1;opacity:.75}.line{fill:none;stroke-width:2}"
        ".dash{stroke-dasharray:5 4}.limit{stroke:#cf222e;stroke-width:1;stroke-dasharray:2 3}"
        f"{rules(0)}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9aa4af}.g{stroke:#30363d}"
        ".one{stroke:#9aa4af}.w{stroke:#e6edf3}.limit{stroke:#ff7b72}"
        f"{rules(1)}}}"
        "</style>"
    )


class Svg:
    def __init__(self):
        self.parts = []

    def text(self, x, y, text, css="", anchor="start"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(text)}</text>'
        )

    def line(self, x1, y1, x2, y2, css):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def rect(self, x, y, width, height, css):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" class="{css}"/>'
        )

    def path(self, points, css):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{at}" class="line {css}"/>')

    def dot(self, x, y, css):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" class="{css}"/>')

    def write(self, path, height):
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}" role="img">'
            f"<title>Vesicle beside its peers, and how its cost grows</title>{style()}"
            + "\n".join(self.parts)
            + "</svg>\n"
        )


def short(x):
    if x >= 1e6:
        return f"{x / 1e6:g} M"
    if x >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def power(exponent):
    """10^exponent as people write it."""
    if -4 < exponent < 4:
        return f"{10.0 ** exponent:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


# --- beside the peers

ROW = 15
NAMES_WIDTH = 80
VALUES_WIDTH = 46
COLUMNS = 3


def draw_peers(svg, results, top):
    """Small charts, three in a row, on one scale; the y below them."""
    charts = []
    for measure, by_who in results.items():
        if "script" not in by_who or measure not in TITLES:
            continue
        bars = []
        for who, values in by_who.items():
            multiples = figures.ratios(values, by_who["script"])
            if multiples:
                median = statistics.median(values.values())
                bars.append((who, median, statistics.median(multiples), min(multiples), max(multiples)))
        bars.sort(key=lambda bar: bar[2])
        charts.append((measure, bars))
    if not charts:
        return top

    ends = [end for _, bars in charts for bar in bars for end in bar[3:]]
    low = min(math.floor(math.log10(min(ends))), -1)
    high = max(math.ceil(math.log10(max(ends))), 1)

    svg.text(MARGIN, top + 16, "Beside its peers", "h")
    svg.text(MARGIN, top + 34, "Time, or memory, as a multiple of what a Vesicle script takes, on a logarithmic scale: "
             "to the right is slower. At the end of each row the figure itself.", "m")
    top += 48
    width = (WIDTH - 2 * MARGIN - 20 * (COLUMNS - 1)) / COLUMNS
    plot = width - NAMES_WIDTH - VALUES_WIDTH
    for first in range(0, len(charts), COLUMNS):
        row = charts[first:first + COLUMNS]
        height = max(len(bars) for _, bars in row) * ROW
        for i, (measure, bars) in enumerate(row):
            left = MARGIN + i * (width + 20)
            title, unit = TITLES.get(measure, (measure, ""))
            svg.text(left, top + 12, title, "t")
            svg.text(left + width, top + 12, unit, "m", "end")
            x0 = left + NAMES_WIDTH

            def at(multiple):
                return x0 + (math.log10(multiple) - low) / (high - low) * plot

            bottom = top + 20 + len(bars) * ROW
            for exponent in range(low, high + 1):
                x = at(10 ** exponent)
                svg.line(x, top + 20, x, bottom, "one" if exponent == 0 else "g")
                if exponent % 2 == 0:
                    svg.text(x, bottom + 12, power(exponent), "m", "middle")
            for j, (who, median, multiple, least, most) in enumerate(bars):
                y = top + 20 + j * ROW
                start, end = sorted((at(1), at(multiple)))
                svg.text(x0 - 5, y + 11, LABELS.get(who, who), "t" if who == "script" else "", "end")
                if who == "script":
                    svg.dot(at(1), y + ROW / 2, class_of(who))
                if who != "script":
                    svg.rect(start, y + 3, end - start, ROW - 6, class_of(who))
                if most > least:
                    svg.line(at(least), y + ROW / 2, at(most), y + ROW / 2, "w")
                svg.text(left + width, y + 11, short(median), "", "end")
        top += 20 + height + 34
    return top


# --- how cost grows

CHART_HEIGHT = 190


def draw_curves(svg, left, top, width, title, x_title, series, log_y, limit=None):
    """series: [(label or "", css name, dashed, [(x, y)])]; x always logarithmic."""
    svg.text(left, top + 12, title, "t")
    x0, x1, y0, y1 = left + 44, left + width - 8, top + CHART_HEIGHT, top + 44
    xs = [x for *_, points in series for x, _ in points]
    ys = [y for *_, points in series for _, y in points if y > 0 or not log_y]
    if limit:
        ys.append(limit)
    x_low, x_high = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    x_high = max(x_high, x_low + 1)
    if log_y:
        y_low, y_high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
        ticks = [(10.0 ** e, power(e)) for e in range(y_low, max(y_high, y_low + 1) + 1)]
    else:
        step = 10 ** math.floor(math.log10(max(ys)))
        step = next(s for s in (step / 5, step / 2, step, 2 * step) if max(ys) / s <= 6)
        ticks = [(i * step, f"{i * step:g}") for i in range(math.ceil(max(ys) / step) + 1)]

    def x_at(x):
        return x0 + (math.log10(x) - x_low) / (x_high - x_low) * (x1 - x0)

    def y_at(y):
        low, high = ticks[0][0], ticks[-1][0]
        part = (math.log10(y / low) / math.log10(high / low)) if log_y else (y - low) / (high - low)
        return y0 - part * (y0 - y1)

    for value, label in ticks:
        svg.line(x0, y_at(value), x1, y_at(value), "g")
        svg.text(x0 - 6, y_at(value) + 4, label, "m", "end")
    for exponent in range(x_low, x_high + 1):
        svg.text(x_at(10.0 ** exponent), y0 + 15, power(exponent), "m", "middle")
    svg.text((x0 + x1) / 2, y0 + 31, x_title, "m", "middle")
    if limit:
        svg.line(x0, y_at(limit), x1, y_at(limit), "limit")
        svg.text(x1, y_at(limit) - 5, "at most", "m", "end")
    x = x0
    for label, name, dashed, points in series:
        css = f"l-{class_of(name)}" + (" dash" if dashed else "")
        if label:
            svg.path([(x, top + 26), (x + 18, top + 26)], css)
            svg.text(x + 22, top + 30, label)
            x += 32 + 6.4 * len(label)
        svg.path([(x_at(n), y_at(y)) for n, y in points], css)
        for n, y in points:
            svg.dot(x_at(n), y_at(y), class_of(name))


def draw_growth(svg, growth, top):
    if not growth:
        return top
    svg.text(MARGIN, top + 16, "How cost grows", "h")
    top += 28
    width = (WIDTH - 2 * MARGIN - 24) / 2
    hop, shuffled, pause = growth.get("hop", {}), growth.get("shuffled", {}), growth.get("pause", {})
    charts = []
    lines = [(LABELS[who], who, False, hop[who]) for who in ("script", "native", "raw") if who in hop]
    lines += [("", who, True, shuffled[who]) for who in ("script", "raw") if who in shuffled]
    if lines:
        charts.append(("Ring: ns a hop; dashed: the actors linked in no order", "actors", lines, True, None))
    if pause:
        charts.append(("Collector: ms a pause, under a steady load of garbage", "live actors",
                       [("longest", "erlang", False, pause["max_ms"]),
                        ("99.9 of 100", "luajit", False, pause["p999_ms"])], False, 1.0))
    if "memory" in growth:
        charts.append(("Resident bytes of an idle actor", "actors",
                       [("Vesicle", "script", False, growth["memory"]["bytes"])], False, 40))
    if pause:
        old = dict(pause["old_mib"])
        points = [(old[n], y * 100) for n, y in pause["share"]]
        charts.append(("Collector: per cent of the time, 1,000 of the garbage alive", "MiB of heap",
                       [("Vesicle", "script", False, points)], False, None))
    if "lives" in growth:
        points = [(n, y * 100) for n, y in growth["lives"]["share"]]
        charts.append(("Collector: per cent of the time, beside a million actors",
                       "short-lived actors alive at a time", [("Vesicle", "script", False, points)], False, 10))
    if "created" in growth:
        charts.append(("Resident MiB after actors that were made and forgotten", "actors made",
                       [("Vesicle", "script", False, growth["created"]["resident_mib"])], False, None))
    if "wait" in growth:
        charts.append(("Waiting beside an endless loop: ms to an answer", "idle actors",
                       [("longest", "erlang", False, growth["wait"]["max_ms"]),
                        ("99 of 100", "luajit", False, growth["wait"]["p99_ms"])], False, 2.0))
    for i, (title, x_title, series, log_y, limit) in enumerate(charts):
        left = MARGIN + (i % 2) * (width + 24)
        draw_curves(svg, left, top, width, title, x_title, series, log_y, limit)
        if i % 2 == 1 or i == len(charts) - 1:
            top += CHART_HEIGHT + 52
    return top


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    svg = Svg()
    bottom = draw_peers(svg, figures.read_results(folder), MARGIN)
    bottom = draw_growth(svg, figures.read_growth(folder), bottom)
    svg.write(path, bottom)


if __name__ == "__main__":
    main()
