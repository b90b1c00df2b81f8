"""Fuzzes the API of `directions serve` from its own OpenAPI text: no answer may be a 500, and the server must live on.

    python3 -m venv .venv && .venv/bin/pip install schemathesis
    .build/release/directions serve --port 8080 &
    .venv/bin/python Benchmarks/fuzz_serve.py [--url http://127.0.0.1:8080] [--seconds 600] [--photo FILE]

The ways to photographs are only walked with one that is held: FILE, or a generated face, is sent first, and its id is put into the text
beside one that is unknown. Times of searches are cut to a second, so that the time goes into requests.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path


def ask(url, data=None, kind="application/json"):
    """The body of an answer."""
    request = urllib.request.Request(url, data, {"Content-Type": kind} if data is not None else {})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def narrowed(text, photograph, directions):
    """The OpenAPI text with a held photograph's id and the workspace's directions among the values to choose from."""
    ids = [photograph, "0000000000000000"]
    for path in text["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "id":
                    parameter["schema"] = {"enum": ids}
                if parameter["name"] == "name" and directions:
                    parameter["schema"] = {"anyOf": [{"enum": directions}, parameter["schema"]]}
    face = text["components"]["schemas"]["Face"]["properties"]
    face["photograph"] = {"enum": ids}
    if directions:
        name = face["edits"]["items"]["properties"]["direction"]
        face["edits"]["items"]["properties"]["direction"] = {"anyOf": [{"enum": directions}, name]}
    search = text["paths"]["/api/photographs/{id}/search"]["post"]["requestBody"]["content"]["application/json"]
    search["schema"]["properties"]["seconds"] = {"enum": [1, 0, -1, 1e30]}
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--photo", type=Path)
    options = parser.parse_args()
    picture = options.photo.read_bytes() if options.photo else ask(
        options.url + "/api/synth", json.dumps({"seed": 7, "size": 1024}).encode())
    held = json.loads(ask(options.url + "/api/photographs", picture, "application/octet-stream"))["id"]
    directions = [one["name"] for one in json.loads(ask(options.url + "/api/directions"))["directions"]]
    text = narrowed(json.loads(ask(options.url + "/api/openapi.json")), held, directions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps(text))
        # A face takes a while where processors are slow, and several ask at once.
        status = subprocess.run([
            Path(sys.executable).parent / "schemathesis", "run", path, "--url", options.url, "--checks", "not_a_server_error",
            "--phases", "examples,coverage,fuzzing", "--max-time", str(options.seconds), "--max-examples", "1000000",
            "--request-timeout", "120", "--workers", "2", "--continue-on-failure", "--suppress-health-check", "all",
        ]).returncode
    ask(options.url + "/api/generators")
    print(f"{options.url} still answers; schemathesis ended with {status}")
    sys.exit(status)


if __name__ == "__main__":
    main()
