"""The HTTP API against its own description: no 5xx, no answer that is not described, nothing without a sign-in.

Usage: run.py --sv0 PATH [--examples N]
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--sv0", required=True)
    args.add_argument("--examples", default="25")
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tokens = f"{folder}/tokens.toml"
        made = subprocess.run(
            [args.sv0, "token", "--tokens", tokens, "--name", "schemathesis", "--role", "admin"],
            check=True, capture_output=True, text=True,
        )
        token = made.stdout.strip()
        server = subprocess.Popen(
            [args.sv0, "serve", "--demo", "--tokens", tokens, "--suppressions", f"{folder}/suppressions.yaml"],
            stdout=subprocess.PIPE, text=True,
        )
        try:
            url = server.stdout.readline().strip()
            with urllib.request.urlopen(f"{url}/openapi.json") as answer:
                described = json.load(answer)
            operations = sum(len(methods) for methods in described["paths"].values())
            command = [
                str(pathlib.Path(sys.executable).parent / "schemathesis"),
                "--config-file", str(HERE / "schemathesis.toml"),
                "run", f"{url}/openapi.json",
                "--header", f"Authorization: Bearer {token}",
                "--checks", "all",
                # A name that nothing has is well-formed, and is answered with 404 or 422 all the same.
                "--exclude-checks", "positive_data_acceptance",
                "--max-examples", args.examples,
                "--seed", "1",
                "--continue-on-failure",
                "--generation-database", "none",
                "--no-color",
                "--warnings", "off",
            ]
            done = subprocess.run(command, capture_output=True, text=True)
            said = done.stdout + done.stderr
            if done.returncode != 0:
                print(said)
                return 1
            if f"Tested: {operations}" not in said:
                print(said)
                print(f"not all of the {operations} operations were tested")
                return 1
            cases = next((line.strip() for line in said.splitlines() if "generated" in line), "")
            print(f"{operations} operations: {cases}")
            return 0
        finally:
            server.terminate()
            server.wait(timeout=20)


if __name__ == "__main__":
    sys.exit(main())
