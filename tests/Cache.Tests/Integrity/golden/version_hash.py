#!/usr/bin/env python3
"""The reference for the dataset version hash, and the script that made expected.json.

Usage: python3 version_hash.py           builds every tree of trees.json in a temporary directory, hashes it, writes expected.json
       python3 version_hash.py --check   exits 1 where expected.json says something else

trees.json: {"trees": [{"name", "files": [{"path", "hex"?}]}]}. A file holds the bytes of "hex", or else "<tree name>|<path>\\n" in UTF-8, so
that no two files hold the same and any change of order shows.
"""
import hashlib
import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
METADATA_SUFFIXES = {".json", ".yaml", ".yml", ".txt"}


def is_metadata(path):
    return path.is_file() and path.suffix in METADATA_SUFFIXES


def version_hash(root):
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if is_metadata(path):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def build(root, tree):
    for file in tree["files"]:
        path = root / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        data = bytes.fromhex(file["hex"]) if "hex" in file else f"{tree['name']}|{file['path']}\n".encode()
        path.write_bytes(data)


def main():
    # Python 3.14 changed Path.suffix (`..txt`, `a.`); the platform that writes datasets runs 3.11.
    assert pathlib.PurePath("..txt").suffix == ".txt" and pathlib.PurePath("a.").suffix == "", "run this with Python 3.8 to 3.13"
    expected = {}
    for tree in json.loads((HERE / "trees.json").read_text(encoding="utf-8"))["trees"]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            build(root, tree)
            order = [p.relative_to(root).as_posix() for p in sorted(root.rglob("*")) if is_metadata(p)]
            expected[tree["name"]] = {"order": order, "hash": version_hash(root)}
    text = json.dumps(expected, indent=2, ensure_ascii=True) + "\n"
    stored = HERE / "expected.json"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if stored.read_text(encoding="utf-8") == text else "expected.json differs from what the reference says")
    stored.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
