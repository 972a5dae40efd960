"""Many logs exported beside a bare loop, and their rows browsed: ``make bench-export``.

A real exporter process over a real MongoDB, started anew for each export, and
``bare_export.py``, a PyMongo cursor over whole documents with Python's ``csv``, in
alternating pairs over the same logs, all columns and bodies. An export's seconds are
from its claim to DONE by the database's clock: every part is on storage by then, and a
columnar copy of it that the bare loop does not make. Memory is the process's peak.
Then NDJSON and Parquet once each, and the pages and searches of the CSV export over
the HTTP of a real query process.

A run is refused whose export does not hold every log once by its own count and by the
lines of its file. ``BENCH_LOGS`` and ``BENCH_PAIRS`` shorten it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daybook.exports.objects import OBJECTS
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import new_export, text_part
from export_browsing import browse
from many_logs import PROJECT, store
from measuring import RESULTS, cpu_seconds, embedded, peak_resident_mb, row
from pymongo import MongoClient

LOGS = int(os.environ.get("BENCH_LOGS", "1000000"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
FIELDS = list(OBJECTS["api_log"].fields)
DATABASE = "bench"
RESULT = RESULTS / "export.json"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figures:
    """What one export showed."""

    rows_per_second: float
    mb_per_second: float
    cpu_us_per_row: float
    peak_resident_mb: float


@dataclass(frozen=True)
class Place:
    """Where all runs are: the servers, and a folder for files."""

    bootstrap: str
    uri: str
    folder: Path
    database: Any

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "MONGODB_URI": self.uri,
            "DAYBOOK_MONGODB_DATABASE": DATABASE,
            "DAYBOOK_STORAGE_URL": str(self.folder / "objects"),
            # No ingest runs here: all is stored.
            "DAYBOOK_WATERMARKS_WITHIN": "PT0S",
            "DAYBOOK_HEALTH_PORT": "0",
            "DAYBOOK_LOG_LEVEL": "ERROR",
        }


@contextmanager
def exporter(place: Place) -> Generator["subprocess.Popen[bytes]"]:
    """A process of its own, killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter"], env=place.environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()  # it was killed


def exported(place: Place, form: str) -> tuple[Figures, dict[str, Any]]:
    """Make one export, and check it; its figures and its document."""
    wanted = {
        "exported_object": "api_log",
        "response_format": form,
        "parameters": {"fields": FIELDS},
    }
    name = f"exp_{uuid.uuid4().hex[:8]}"
    with exporter(place) as process:
        asked = new_export(
            PROJECT, name, read_parameters(wanted), "API", None, datetime.now(UTC), None
        )
        place.database["exports"].insert_one(asked)
        found = ended(place, asked["_id"], {"started_at": {"$exists": True}})
        before = cpu_seconds(process.pid)
        found = ended(place, asked["_id"], {"status": {"$in": ["DONE", "ERROR"]}})
        used = cpu_seconds(process.pid) - before
        peak = peak_resident_mb(process.pid)
    check(place, found)
    seconds = (found["finished_at"] - found["started_at"]).total_seconds()
    figures = Figures(
        rows_per_second=round(found["rows"] / seconds),
        mb_per_second=round(found["bytes"] / seconds / 1e6, 1),
        cpu_us_per_row=round(used / found["rows"] * 1e6, 1),
        peak_resident_mb=round(peak, 1),
    )
    return figures, found


def ended(place: Place, key: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The export, once it is as wanted."""
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        found = place.database["exports"].find_one({"_id": key, **wanted})
        if found is not None:
            return found
        time.sleep(0.02)
    raise TimeoutError(key)


def check(place: Place, export: dict[str, Any]) -> None:
    """Refuse what does not add up."""
    assert export["status"] == "DONE", export.get("error")
    counted = sum(part["rows"] for part in export["parts"])
    assert export["rows"] == counted == LOGS, (export["rows"], counted, LOGS)
    if export["parameters"]["response_format"] == "PARQUET":
        return
    names = [text_part(export, part) for part in export["parts"]]
    files = [place.folder / "objects" / name for name in names]
    lines = sum(file.read_bytes().count(b"\n") for file in files)
    header = export["parameters"]["response_format"] == "CSV"
    assert lines == LOGS + header, (lines, LOGS)


def bare(place: Place) -> Figures:
    """Run the bare loop, and check it."""
    path = place.folder / "bare.csv"
    command = [sys.executable, str(HERE / "bare_export.py")]
    for name, value in {
        "uri": place.uri,
        "database": DATABASE,
        "project": PROJECT,
        "fields": ",".join(FIELDS),
        "path": str(path),
    }.items():
        command += [f"--{name}", value]
    ran = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ours
    told = json.loads(ran.stdout)
    assert told["rows"] == LOGS, told
    path.unlink()
    return Figures(
        rows_per_second=round(told["rows"] / told["seconds"]),
        mb_per_second=round(told["bytes"] / told["seconds"] / 1e6, 1),
        cpu_us_per_row=round(told["cpu_seconds"] / told["rows"] * 1e6, 1),
        peak_resident_mb=round(told["peak_resident_mb"], 1),
    )


def pairs(place: Place) -> tuple[dict[str, list[Figures]], dict[str, Any]]:
    """CSV both ways in turn; all figures, and the last export."""
    runs: dict[str, list[Figures]] = {"CSV": [], "bare cursor": []}
    last: dict[str, Any] = {}
    for _ in range(PAIRS):
        one, last = exported(place, "CSV")
        for name, figures in (("CSV", one), ("bare cursor", bare(place))):
            runs[name].append(figures)
            row(name, *asdict(figures).values())
    return runs, last


def main() -> None:
    """Measure, print the tables, write the result."""
    with (
        embedded() as (bootstrap, uri, _),
        tempfile.TemporaryDirectory() as folder,
        MongoClient[dict[str, Any]](uri) as client,
    ):
        place = Place(bootstrap, uri, Path(folder), client[DATABASE])
        store(place.database["logs"], LOGS, datetime.now(UTC), timedelta(days=3))
        row("export", "rows/s", "MB/s", "CPU µs/row", "peak MB")
        runs, export = pairs(place)
        for form in ("NDJSON", "PARQUET"):
            one, _ = exported(place, form)
            runs[form] = [one]
            row(form, *asdict(one).values())
        ratio, ratios = ratio_of(runs)
        print(f"\nratio_to_bare_cursor (rows a second, median): {ratio}\n")
        browsed = browse(place.database, place.environment, export)
    result = {
        "logs": LOGS,
        "ratio_to_bare_cursor": ratio,
        "ratios": ratios,
        **{name: summary(figures) for name, figures in runs.items()},
        "browsing_ms": browsed,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


def ratio_of(runs: dict[str, list[Figures]]) -> tuple[float, list[float]]:
    """Of each pair, and their median."""
    ratios = [
        round(ours.rows_per_second / theirs.rows_per_second, 2)
        for ours, theirs in zip(runs["CSV"], runs["bare cursor"], strict=True)
    ]
    return round(statistics.median(ratios), 2), ratios


def summary(runs: list[Figures]) -> dict[str, Any]:
    """Medians, the peak of peaks, and every run."""
    return {
        "rows_per_second": statistics.median(one.rows_per_second for one in runs),
        "mb_per_second": statistics.median(one.mb_per_second for one in runs),
        "cpu_us_per_row": statistics.median(one.cpu_us_per_row for one in runs),
        "peak_resident_mb": max(one.peak_resident_mb for one in runs),
        "runs": [asdict(one) for one in runs],
    }


if __name__ == "__main__":
    main()
