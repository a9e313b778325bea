#!/usr/bin/env python3
"""Write DIR/<account>.json as `aws iam get-account-authorization-details` (AWS CLI 2) prints it.

gaad.py --endpoint URL --out DIR [--accounts 111111111111,…]
"""
from __future__ import annotations

import argparse
import datetime
import json
import pathlib

import serve

ACCOUNTS = ("111111111111", "222222222222", "333333333333", "444444444444")


def gaad(endpoint: str, out: str | pathlib.Path, accounts=ACCOUNTS) -> list[pathlib.Path]:
    """One file an account; returns the files."""
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for account in accounts:
        # Merged as the CLI merges: the four lists of all pages, without the markers. boto3 decodes the documents.
        pages = serve.iam(endpoint, account).get_paginator("get_account_authorization_details").paginate()
        text = json.dumps(pages.build_full_result(), indent=4, ensure_ascii=False, default=iso)
        files.append(directory / f"{account}.json")
        files[-1].write_text(text + "\n", encoding="utf-8")
    return files


def iso(value) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in an IAM answer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, help="URL of the moto server")
    parser.add_argument("--out", required=True, help="directory for the files; made if absent")
    parser.add_argument("--accounts", default=",".join(ACCOUNTS), help="default: the demo's four")
    args = parser.parse_args()
    for file in gaad(args.endpoint, args.out, args.accounts.split(",")):
        print(file)
