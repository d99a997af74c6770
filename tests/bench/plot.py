#!/usr/bin/env python3
"""plot.py RESULTS FOLDER: figures as SVG, from the lines that `make bench` printed.

RESULTS: JSON lines; one with "command" (and "machine", "beside": what else ran) stands before the
lines of its run.  A later run takes the place of an earlier one, figure by figure.  The same results
give the same files."""
import json
import math
import pathlib
import sys

WIDE, HIGH, LEFT, RIGHT, TOP, FOOT = 640, 340, 64, 24, 56, 62
COLOURS = ["#1f6f8b", "#d08c2c", "#7a9a3a", "#a3485b", "#6b6b6b"]


def read(path):
    figures = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "name" in row:
            figures[row["name"]] = row
    return figures


class Svg:
    def __init__(self, title, unit):
        self.rows = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>']
        self.text(16, 22, title, size=15)
        self.text(16, 40, unit, fill="#666")

    def text(self, x, y, words, anchor="start", size=12, fill="#222"):
        words = str(words).replace("&", "&amp;").replace("<", "&lt;")
        self.rows.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{words}</text>')

    def line(self, points, colour, width=2, dash=""):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.rows.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>')

    def dot(self, x, y, colour):
        self.rows.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def bar(self, x, y, wide, high, colour):
        self.rows.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}"/>')

    def legend(self, names):
        if len(names) < 2:
            return
        x = LEFT
        for i, name in enumerate(names):
            self.bar(x, HIGH - 20, 10, 10, COLOURS[i])
            self.text(x + 14, HIGH - 11, name)
            x += 30 + 7 * len(name)

    def done(self):
        return "\n".join(self.rows + ["</svg>", ""])


def short(v):
    if v >= 1000 and v == int(v):
        return f"{int(v):,}"
    return f"{v:.2f}".rstrip("0").rstrip(".") if v < 10 else f"{v:.0f}"


def lines(title, unit, series, reach=(), x_name=""):
    """series: {name: [(x, y)]}, both axes logarithmic; reach: [(x, y)], what is wanted."""
    every = [p for s in series.values() for p in s] + list(reach)
    lo_x, hi_x = (math.log10(f(p[0] for p in every)) for f in (min, max))
    lo_y = math.floor(math.log10(min(p[1] for p in every)))
    hi_y = math.ceil(math.log10(max(p[1] for p in every)))
    wide, high = WIDE - LEFT - RIGHT - 20, HIGH - TOP - FOOT
    px = lambda x: LEFT + 10 + (math.log10(x) - lo_x) / (hi_x - lo_x) * wide
    py = lambda y: TOP + (hi_y - math.log10(y)) / (hi_y - lo_y) * high
    svg = Svg(title, unit)
    for k in range(lo_y, hi_y + 1):
        svg.line([(LEFT, py(10 ** k)), (WIDE - RIGHT, py(10 ** k))], "#ddd", 1)
        svg.text(LEFT - 6, py(10 ** k) + 4, short(10.0 ** k), "end")
    for x in sorted({p[0] for p in every}):
        svg.text(px(x), HIGH - FOOT + 18, short(x), "middle")
    svg.text(WIDE - RIGHT, HIGH - FOOT + 34, x_name, "end", fill="#666")
    for i, (name, points) in enumerate(series.items()):
        svg.line([(px(x), py(y)) for x, y in points], COLOURS[i])
        for x, y in points:
            svg.dot(px(x), py(y), COLOURS[i])
        svg.text(px(points[-1][0]), py(points[-1][1]) - 8, short(points[-1][1]), "middle", fill=COLOURS[i])
    for x, y in reach:
        svg.line([(px(x) - 16, py(y)), (px(x) + 16, py(y))], "#222", 2, "4 2")
        svg.text(px(x) - 20, py(y) + 4, f"≤ {short(y)}", "end")
    svg.legend(series)
    return svg.done()


def bars(title, unit, groups, names, most=None, reach=None):
    """groups: [(label, [values])], one value for each name; most: taller ones are cut there."""
    top = most or 1.15 * max(v for _, vs in groups for v in vs + ([reach] if reach else []))
    wide, high = (WIDE - LEFT - RIGHT) / len(groups), HIGH - TOP - FOOT
    svg = Svg(title, unit)
    svg.line([(LEFT, TOP + high), (WIDE - RIGHT, TOP + high)], "#888", 1)
    for g, (label, values) in enumerate(groups):
        each = min(64, wide * 0.8 / len(values))
        x = LEFT + g * wide + (wide - each * len(values)) / 2
        svg.text(LEFT + (g + 0.5) * wide, HIGH - FOOT + 18, label, "middle")
        for i, v in enumerate(values):
            tall = min(v, top) / top * high
            svg.bar(x + i * each + 1, TOP + high - tall, each - 2, tall, COLOURS[i])
            svg.text(x + (i + 0.5) * each, TOP + high - tall - 4, short(v), "middle", 11)
    if reach:
        y = TOP + high - reach / top * high
        svg.line([(LEFT, y), (WIDE - RIGHT, y)], "#222", 1, "4 3")
        svg.text(LEFT + 4, y - 4, f"reach: {short(reach)}")
    svg.legend(names)
    return svg.done()


def sizes(figures, start, key="value"):
    """Figures whose name is start and a size (1k, 25k): [(size, value)]."""
    out = []
    for name, row in figures.items():
        tail = name[len(start):] if name.startswith(start) else ""
        if tail.rstrip("k").isdigit() and key in row:
            out.append((int(tail.rstrip("k")) * (1000 if tail.endswith("k") else 1), row[key]))
    return sorted(out)


def plots(f):
    ways = ["ours", "first_fit", "best_fit"]
    yield "place", lines("One decision among so many hosts", "µs, median; ours counts every refusal, the others only choose", {
        "ours": sizes(f, "place.us."), "first-fit": sizes(f, "place.us.", "first_fit"),
        "best-fit": sizes(f, "place.us.", "best_fit")}, [(1000, 20), (25000, 100)], "hosts")
    yield "packing", bars("Hosts used, over the least by volume", "% more than that; a real mix of sizes, filled, and after 40,000 machines were replaced", [
        (f"{shape}: {when}", [(f[f"place.pack.{shape}.{w}"][key] - 1) * 100 for w in ways])
        for shape in ("memory", "both") for when, key in (("filled", "value"), ("replaced", "churn"))],
        ["ours", "first-fit", "best-fit"])
    yield "vmlist", lines("First page of 100 machines", "ms; 16 clients without a pause, writes going on, clients on the same two cores", {
        "p99": sizes(f, "vmlist.p99_ms."), "p50": sizes(f, "vmlist.p99_ms.", "p50_ms"),
        "floor p99: one machine": sizes(f, "vmlist.floor_p99_ms."),
        "floor p50": sizes(f, "vmlist.floor_p99_ms.", "p50_ms")}, [(20000, 10), (250000, 50)], "machines")
    made = f["dispatch.creates_per_s"]
    yield "dispatch", bars("Durable creates a second, 1,000 simulated hosts", "hosts, clients and controller share two cores", [
        ("creates", [made["value"]]), ("a quarter of the floor", [made["reach"]]),
        ("floor: the same rows, bare", [f["dispatch.floor_ratio"]["floor_per_s"]])], ["1/s"])
    p50, p99 = f["dispatch.p50_ms"], f["dispatch.p99_ms"]
    yield "latency", bars("From acknowledged to seen by the agent", "ms, 20 acts a second; controller's share wanted: 3 × a bare commit", [
        (name, [p["value"], p["controller_ms"], p["bare_commit_ms"]]) for name, p in (("p50", p50), ("p99", p99))],
        ["seen by the agent", "controller's share", "one bare commit"])
    yield "restart", lines("Killed, started, first page answered", "s", {"restart": sizes(f, "restart.s.")},
                           [(20000, 1), (250000, 5)], "machines")
    storm = f["dispatch.storm_s"]
    yield "storm", bars("All agents gone and back until quiet", "s; 1,000 hosts, one connection each", [
        ("until quiet", [storm["value"]]), ("controller's processor", [storm["controller_cpu_s"]]),
        ("handshakes at 1.2 ms", [storm["handshakes_at_1_2_ms_s"]])], ["s"])
    yield "memory", bars("Memory of the controller, 1,000 hosts", "MiB; one long poll each and people at lists; after creates, one connection each again", [
        ("20,000 machines, alone", [f["restart.rss_mb.20k"]["alone"]]),
        ("polls and lists", [f["restart.rss_mb.20k"]["value"]]),
        ("after creates", [f["dispatch.rss_mb"]["value"]])], ["MiB"], reach=60)


def main():
    figures, folder = read(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(figures):
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
