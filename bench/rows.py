# SPDX-License-Identifier: MIT
"""rows - what is measured, and how the results become a table

A work is one kind of run of the load generator. A row is a figure that is taken from the results of one
work; several rows may share a work.
"""
import statistics
from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Work:
    mode: str
    options: tuple = ()
    awake: bool = False  # idle-class spinners on every CPU, client and server pinned
    memory: bool = False
    opening: int = 0  # seconds that opening its connections may take


WORKS = {
    "up1": Work("up", ("streams=1",)),
    "down1": Work("down", ("streams=1",)),
    "up8": Work("up", ("streams=8",)),
    "down8": Work("down", ("streams=8",)),
    "crr": Work("crr", ("streams=32",)),
    "rr": Work("rr", ("streams=64",)),
    "rrmany": Work("rr", ("streams={flows}", "active=64"), opening=20),
    "pp": Work("pp", awake=True),
    "uecho64": Work("uecho", ("size=64", "streams=64")),
    "uecho1200": Work("uecho", ("size=1200", "streams=64")),
    "uflood": Work("uflood", ("size=64", "streams=4")),
    "memory": Work("idle", memory=True),
}


def per_gb(record):
    """CPU seconds of everything but the neighbours, per GB of payload."""
    ours = record["cpu"] - record["others"] * record["seconds"]
    return max(ours, 0) / (record["bytes"] / 1e9) if record["bytes"] else None


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str
    work: str
    value: Callable
    form: str = "{:.1f}"
    against: Optional[str] = "ratio"  # to direct: "ratio", "above", or None
    over: Optional[str] = None  # the row that it is a part of, in the same column: then work's row by this one


ROWS = [
    Row("up1", "TCP up, 1 stream", "Gbit/s", "up1", lambda r: r["gbit"], "{:.2f}"),
    Row("down1", "TCP down, 1 stream", "Gbit/s", "down1", lambda r: r["gbit"], "{:.2f}"),
    Row("up8", "TCP up, 8 streams", "Gbit/s", "up8", lambda r: r["gbit"], "{:.2f}"),
    Row("down8", "TCP down, 8 streams", "Gbit/s", "down8", lambda r: r["gbit"], "{:.2f}"),
    Row("cpu_up", "all CPU per GB, up", "s/GB", "up1", per_gb, "{:.2f}"),
    Row("cpu_down", "all CPU per GB, down", "s/GB", "down1", per_gb, "{:.2f}"),
    Row("crr", "connections, 32 at a time", "k/s", "crr", lambda r: r["per_second"] / 1e3),
    Row("rr", "64 B answers, 64 flows", "k/s", "rr", lambda r: r["per_second"] / 1e3),
    Row("rrmany", "64 B answers, 64 of all flows", "k/s", "rrmany", lambda r: r["per_second"] / 1e3),
    Row("rrkept", "  of that with 64 flows", "x", "rrmany", lambda r: r["per_second"] / 1e3, "{:.2f}", "ratio", "rr"),
    Row("pp", "64 B ping-pong p50", "us", "pp", lambda r: r["p50_us"], against="above"),
    Row("uecho64", "UDP echo 64 B", "k/s", "uecho64", lambda r: r["per_second"] / 1e3),
    Row("uecho1200", "UDP echo 1200 B", "k/s", "uecho1200", lambda r: r["per_second"] / 1e3),
    Row("uflood", "UDP flood 64 B, received", "k/s", "uflood", lambda r: r["per_second"] / 1e3),
    Row("loss", "UDP flood 64 B, lost", "%", "uflood", lambda r: r["loss"] * 100, against=None),
    Row("memory", "memory per idle flow", "kB", "memory", lambda r: r.get("flow_kb"), "{:.2f}", None),
    Row("start", "memory at start", "MB", "memory", lambda r: r.get("start_mb"), against=None),
]


def summary(row, records):
    """Median, least and most of a row over the records of a column; None without a figure.

    Disturbed runs count only where the undisturbed ones are fewer than half.
    """
    figures = [(row.value(r), bool(r.get("noisy"))) for r in records]
    figures = [f for f in figures if f[0] is not None]
    quiet = [f for f in figures if not f[1]]
    used = quiet if 2 * len(quiet) >= len(figures) else figures
    if not used:
        return None
    values = [v for v, _ in used]
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "runs": len(values), "noisy": sum(1 for _, noisy in used if noisy)}


def compare(row, cell, direct):
    if not cell or not direct or not row.against:
        return None
    if row.against == "above":
        return cell["median"] - direct["median"]
    return cell["median"] / direct["median"] if direct["median"] else None


def part(cell, whole):
    """A cell as a part of another one of the same column."""
    if not cell or not whole or not whole["median"]:
        return None
    return {"median": cell["median"] / whole["median"], "min": cell["min"] / whole["median"],
            "max": cell["max"] / whole["median"], "runs": cell["runs"], "noisy": cell["noisy"] or whole["noisy"]}


def tabulate(rows, columns, results):
    """results[work][column] is a list of records; returns row name -> column -> cell."""
    table = {}
    known = {row.name: row for row in ROWS}
    for row in rows:
        per_column = results.get(row.work, {})
        cells = {c: summary(row, per_column.get(c, [])) for c in columns}
        if row.over:
            whole = results.get(known[row.over].work, {})
            cells = {c: part(cells[c], summary(known[row.over], whole.get(c, []))) for c in columns}
        for cell in cells.values():
            if cell:
                cell["direct"] = compare(row, cell, cells.get("direct"))
        table[row.name] = cells
    return table


def cell_text(row, cell, is_direct):
    if not cell:
        return "-"
    text = row.form.format(cell["median"])
    if row.against and not is_direct and cell["direct"] is not None:
        text += f" x{cell['direct']:.2f}" if row.against == "ratio" else f" {cell['direct']:+.1f}"
    if cell["runs"] > 1:
        text += f" ({row.form.format(cell['min'])}..{row.form.format(cell['max'])})"
    return text + ("~" if cell["noisy"] else "")


def render(rows, columns, table):
    lines = [["", ""] + list(columns)]
    for row in rows:
        cells = [cell_text(row, table[row.name][c], c == "direct") for c in columns]
        lines.append([row.title, row.unit] + cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(word.ljust(w) for word, w in zip(line, widths)).rstrip() for line in lines)
