"""How fast the server answers, as Markdown: first answers one by one, kept answers under load (wrk, Debian's package).

Usage: load.py --sv0 PATH [--preset l] [--buckets 300] [--seconds 10]

The baseline beside it is `/healthz`, which does nothing: the rest is the answer.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse

LUA = """
local list = {}
for line in io.lines("%s") do list[#list + 1] = line end
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "%s" .. list[(n %% #list) + 1])
end
"""


def get(host: str, path: str, token: str) -> tuple[int, int, float]:
    connection = http.client.HTTPConnection(host)
    start = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    size = len(answer.read())
    took = time.perf_counter() - start
    connection.close()
    return answer.status, size, took


def wrk(url: str, script: str | None, token: str, seconds: int) -> tuple[str, str, str]:
    command = ["wrk", "-t1", "-c16", f"-d{seconds}", "--latency", "-H", f"Authorization: Bearer {token}"]
    command += ["-s", script] if script else []
    said = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    found = [re.search(pattern, said) for pattern in (r"Requests/sec:\s+(\S+)", r"50%\s+(\S+)", r"99%\s+(\S+)")]
    if "Non-2xx" in said or not all(found):
        raise SystemExit(said)
    rate, median, last = (one.group(1) for one in found)
    return rate, median, last


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--sv0", required=True)
    args.add_argument("--preset", default="l")
    args.add_argument("--buckets", type=int, default=300)
    args.add_argument("--seconds", type=int, default=10)
    args = args.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("there is no wrk: apt install wrk")
    with tempfile.TemporaryDirectory() as folder:
        snapshot, tokens = f"{folder}/organisation.jsonl", f"{folder}/tokens.toml"
        made = [args.sv0, "bench", "generate", "--preset", args.preset, "--out", snapshot]
        subprocess.run(made, check=True, capture_output=True)
        with open(snapshot) as lines:
            records = [json.loads(line) for line in lines]
        buckets = sorted(one["id"] for one in records if one.get("kind") == "s3_bucket")
        random.Random(7).shuffle(buckets)
        buckets = buckets[: args.buckets]
        adds = [args.sv0, "token", "--tokens", tokens, "--name", "load"]
        token = subprocess.run(adds, check=True, capture_output=True, text=True).stdout.strip()
        serve = [args.sv0, "serve", snapshot, "--tokens", tokens, "--quiet"]
        start = time.perf_counter()
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().strip()
            served = time.perf_counter() - start
            host = urllib.parse.urlsplit(url).netloc
            while get(host, "/readyz", token)[0] != 200:
                time.sleep(1)
            ready = time.perf_counter() - start
            status = open(f"/proc/{server.pid}/status").read()
            peak = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024
            path = "/api/v1/who-can?action=s3:GetObject&limit=50&resource="
            first = sorted(get(host, path + bucket, token)[2] for bucket in buckets)
            with open(f"{folder}/list", "w") as out:
                out.write("\n".join(buckets) + "\n")
            with open(f"{folder}/who.lua", "w") as out:
                out.write(LUA % (f"{folder}/list", path))
            nothing = wrk(f"{url}/healthz", None, token, args.seconds)
            kept = wrk(url, f"{folder}/who.lua", token, args.seconds)
            search = sorted(get(host, f"/api/v1/search?q={word}", token)[2] for word in
                            ("prod", "payments", "role-4", "billing+export", "arn:aws:s3", "team=search"))
            print(f"{len(records):,} records: served after {served:.1f} s, findings after {ready:.1f} s, at most {peak:,} MB\n")
            print("| | median | 99 % | requests a second |\n|---|---|---|---|")
            at = lambda share: f"{first[int((len(first) - 1) * share)] * 1000:.1f} ms"
            print(f"| who-can, {len(buckets)} buckets, each for the first time, one by one | {at(0.5)} | {at(0.99)} | "
                  f"{len(first) / sum(first):.0f} |")
            print(f"| the same again, 16 connections | {kept[1]} | {kept[2]} | {kept[0]} |")
            print(f"| /healthz, 16 connections | {nothing[1]} | {nothing[2]} | {nothing[0]} |")
            print(f"| search, each for the first time | {search[len(search) // 2] * 1000:.1f} ms | {search[-1] * 1000:.1f} ms | |")
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    main()
