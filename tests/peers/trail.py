#!/usr/bin/env python3
"""A lake of CloudTrail read by sv0 and by two databases, as Markdown: CPU seconds (user + system) and peak memory of the process.

    trail.py --sv0 target/release/sv0 --lake FOLDER [--tools 'sv0;chdb;duckdb']

The databases do the easy half of the work: for each (caller, source, event, resource) how many, the first, the last. They neither
drop events that were delivered twice nor follow chains of roles; sv0 does both. They are given the columns that they need, which
is many times faster than letting them find out. A lake with damaged objects ends them: objects that are no gzip of JSON with
records are left out of their list, and how many is told.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path


CHDB = """
import sys, chdb
print(chdb.query('''
SELECT count(), sum(n) FROM (
  SELECT
    coalesce(r.userIdentity.arn, r.userIdentity.principalId, r.userIdentity.invokedBy, '') AS principal,
    r.eventSource AS source, r.eventName AS name,
    if(empty(r.resources), '*', r.resources[1].ARN) AS resource,
    count() AS n, min(r.eventTime) AS first, max(r.eventTime) AS last
  FROM (
    SELECT arrayJoin(Records) AS r
    FROM file('%s/**/*.json.gz', JSONEachRow, 'Records Array(Tuple(
      eventTime String, eventSource String, eventName String,
      userIdentity Tuple(arn Nullable(String), principalId Nullable(String), invokedBy Nullable(String)),
      resources Array(Tuple(ARN Nullable(String)))))')
  )
  GROUP BY principal, source, name, resource)
SETTINGS input_format_skip_unknown_fields = 1, input_format_null_as_default = 1,
  input_format_json_ignore_unknown_keys_in_named_tuple = 1, max_threads = %d
''' % (sys.argv[1], int(sys.argv[2]))))
"""

# The same of each event once, as sv0 counts.
CHDB_ONCE = (
    CHDB.replace("count() AS n,", "uniqExact(r.eventID) AS n,").replace("eventTime String,", "eventTime String, eventID UUID,")
)

WINDOW = ["--since", "2015-01-01", "--until", "2035-01-01"]

DUCKDB = """
import sys, duckdb
duckdb.sql('SET threads = %d' % int(sys.argv[2]))
print(duckdb.sql('''
SELECT count(*), sum(n) FROM (
  SELECT
    coalesce(r.userIdentity.arn, r.userIdentity.principalId, r.userIdentity.invokedBy, '') AS principal,
    r.eventSource AS source, r.eventName AS name, coalesce(r.resources[1].ARN, '*') AS resource,
    count(*) AS n, min(r.eventTime) AS first, max(r.eventTime) AS last
  FROM (
    SELECT unnest(Records) AS r
    FROM read_json('%s/**/*.json.gz', format = 'unstructured', maximum_object_size = 268435456, columns = {Records: 'STRUCT(
      eventTime VARCHAR, eventSource VARCHAR, eventName VARCHAR,
      userIdentity STRUCT(arn VARCHAR, principalId VARCHAR, invokedBy VARCHAR),
      resources STRUCT(ARN VARCHAR)[])[]'}))
  GROUP BY ALL)
''' % sys.argv[1]).fetchall())
"""


def sound(lake: Path, into: Path) -> tuple[int, int, int]:
    """Links what the databases can read: how many objects, how many not, bytes of JSON."""
    count = left = size = 0
    for path in sorted(lake.rglob("*.json.gz")):
        if "/CloudTrail/" not in path.as_posix():
            continue
        try:
            text = gzip.decompress(path.read_bytes())
            if not isinstance(json.loads(text).get("Records"), list):
                raise ValueError("no records")
        except (OSError, EOFError, ValueError, AttributeError):
            left += 1
            continue
        link = into / path.relative_to(lake)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
        count += 1
        size += len(text)
    return count, left, size


def measured(command: list[str]) -> tuple[float, float, str]:
    """CPU seconds, peak MiB and what it printed, of a process and all that it starts."""
    # A process of its own, so that the peak is of this command and no other.
    inner = (
        "import json,resource,subprocess,sys\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode, done.stdout[-400:], done.stderr[-400:]]))"
    )
    told = subprocess.run([sys.executable, "-c", inner, *command], capture_output=True, text=True, check=True)
    cpu, peak, code, out, err = json.loads(told.stdout)
    if code != 0:
        raise SystemExit(f"{command[0]} ended with {code}: {out}{err}")
    return cpu, peak, out.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", required=True)
    parser.add_argument("--lake", required=True, type=Path)
    parser.add_argument("--tools", default="sv0;chdb;chdb, each event once;duckdb")
    parser.add_argument("--python", default=sys.executable, help="with chdb and duckdb")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    threads = str(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        lake.mkdir()
        count, left, size = sound(args.lake, lake)
        print(f"{count} objects, {size / 1e6:.0f} MB of JSON ({left} damaged ones left out)\n")
        commands = {
            # Everything is read and worked out; there is nobody of that name, so that nothing is printed.
            "sv0": [args.sv0, "evidence", "--trail", str(lake), *WINDOW, "--principal", "nobody"],
            "chdb": [args.python, "-c", CHDB, str(lake), threads],
            "chdb, each event once": [args.python, "-c", CHDB_ONCE, str(lake), threads],
            "duckdb": [args.python, "-c", DUCKDB, str(lake), threads],
        }
        rows = []
        for tool in args.tools.split(";"):
            rounds = args.rounds if tool != "duckdb" else 1
            rows.append((tool, *min(measured(commands[tool]) for _ in range(rounds))))
        base = next((cpu for tool, cpu, _, _ in rows if tool == "sv0"), rows[0][1])
        print("| tool | CPU s | ratio | peak MiB | says |\n|---|---|---|---|---|")
        for tool, cpu, peak, out in rows:
            says = " ".join(out.split())[:60] if tool != "sv0" else ""
            print(f"| {tool} | {cpu:.2f} | {cpu / base:.1f} | {peak:.0f} | {says} |")


if __name__ == "__main__":
    main()
