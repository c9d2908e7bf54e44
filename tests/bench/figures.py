"""What table.py and plot.py share: the csv files of peers.sh and grow.sh, and the figures to reach."""

import csv
import pathlib
import statistics

HERE = pathlib.Path(__file__).parent


def read_csv(path):
    """The rows of a csv file as dictionaries; none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_results(folder):
    """measure -> who -> {round: value}, in the order of the file."""
    results = {}
    for row in read_csv(folder / "results.csv"):
        rounds = results.setdefault(row["measure"], {}).setdefault(row["who"], {})
        rounds[row["round"]] = float(row["value"])
    return results


def read_growth(folder):
    """curve -> measure -> [(actors, median)], by number of actors."""
    values = {}
    for row in read_csv(folder / "grow.csv"):
        points = values.setdefault(row["curve"], {}).setdefault(row["measure"], {})
        points.setdefault(int(row["actors"]), []).append(float(row["value"]))
    return {
        curve: {
            measure: sorted((n, statistics.median(v)) for n, v in points.items())
            for measure, points in measures.items()
        }
        for curve, measures in values.items()
    }


def read_targets():
    """[(measure, ours, peer, at most)]; peer is "-" where the figure stands for itself."""
    targets = []
    for line in (HERE / "targets.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            measure, ours, peer, most = line.split()
            targets.append((measure, ours, peer, float(most)))
    return targets


def ratios(ours, peer):
    """Ours to the peer's, round by round."""
    return [ours[r] / peer[r] for r in ours if peer.get(r)]
