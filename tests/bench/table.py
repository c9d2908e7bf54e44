#!/usr/bin/env python3
"""The table of peers.sh: who takes how long, ours to theirs, and what was to be reached.

    tests/bench/table.py build/bench [--write docs/performance.md]

Prints it; with --write also puts it, as Markdown, between the two marker comments of that page.
"""

import argparse
import pathlib
import statistics

import figures

HEAD = ["work", "ours", "median", "peer", "median", "ours / peer", "min .. max", "at most", ""]
BEGIN = "<!-- table: begin -->"
END = "<!-- table: end -->"
# Behaviors in C++ are compared with C++.
NATIVE_PEERS = ("raw", "caf", "capnp")


# What hosts do with typed actors, also with Erlang, which has nothing else.
def compares(measure, ours, peer):
    return ours == "script" or peer in NATIVE_PEERS or measure.startswith("host_")


def number(x):
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def rows_of(results, targets):
    rows = []
    wanted = {(measure, ours, peer): most for measure, ours, peer, most in targets}

    def verdict(key, value):
        if key not in wanted:
            return ["", ""]
        return [number(wanted[key]), "met" if value <= wanted[key] else "missed"]

    for measure, by_who in results.items():
        for ours in ("script", "native"):
            if ours not in by_who:
                continue
            median = statistics.median(by_who[ours].values())
            alone = (measure, ours, "-")
            if alone in wanted:
                rows.append([measure, ours, number(median), "", "", "", ""] + verdict(alone, median))
            for peer, values in by_who.items():
                if peer in ("script", "native") or not compares(measure, ours, peer):
                    continue
                all_ratios = figures.ratios(by_who[ours], values)
                if not all_ratios:
                    continue
                ratio = statistics.median(all_ratios)
                spread = f"{number(min(all_ratios))} .. {number(max(all_ratios))}"
                rows.append(
                    [measure, ours, number(median), peer,
                     number(statistics.median(values.values())), number(ratio), spread]
                    + verdict((measure, ours, peer), ratio))
    return rows


def plain(rows):
    widths = [max(len(row[i]) for row in [HEAD] + rows) for i in range(len(HEAD))]
    lines, before = [], None
    for row in [HEAD] + rows:
        if before not in (None, row[:2]):
            lines.append("")
        before = row[:2]
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return "\n".join(lines)


def markdown(rows, machine):
    lines = [machine.strip().replace("\n", "; ") + ".", ""]
    lines.append("| " + " | ".join(HEAD) + " |")
    lines.append("|---|---|--:|---|--:|--:|---|--:|---|")
    before = None
    for row in rows:
        shown = row if row[:2] != before else ["", "", ""] + row[3:]
        before = row[:2]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()

    rows = rows_of(figures.read_results(arguments.folder), figures.read_targets())
    print(plain(rows))
    verdicts = [row[-1] for row in rows]
    print(f"\n{verdicts.count('met')} met, {verdicts.count('missed')} missed")

    if arguments.write:
        text = arguments.write.read_text()
        head, rest = text.split(BEGIN)
        _, tail = rest.split(END)
        machine = (arguments.folder / "machine.txt").read_text()
        arguments.write.write_text(f"{head}{BEGIN}\n{markdown(rows, machine)}\n{END}{tail}")


if __name__ == "__main__":
    main()
