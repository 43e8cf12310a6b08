#!/usr/bin/env python3
"""Write the documents of the project's own clusters from their definitions in `clusters/ores`.

    python scripts/document_clusters.py            # writes what is stale
    python scripts/document_clusters.py --check    # only says what is stale; exit code 1 if anything is

| document | for |
|---|---|
| docs/clusters.md | people |
| docs/clusters/ores-clusters.xml | ZAP, the Matter SDK's tool |
| docs/clusters/ores-clusters.ts | matter.js |

All three are committed, so that nobody needs this project to use them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cluster_markdown import markdown
from cluster_matterjs import typescript
from cluster_zap import zap_xml
from read_clusters import read_clusters

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    "docs/clusters.md": markdown,
    "docs/clusters/ores-clusters.xml": zap_xml,
    "docs/clusters/ores-clusters.ts": typescript,
}


def documents() -> dict[str, str]:
    """Return every document by its path in the project."""
    clusters = read_clusters()
    return {path: render(clusters) for path, render in DOCUMENTS.items()}


def stale(root: Path = ROOT) -> dict[str, str]:
    """Return the documents that are not there as they should be."""
    return {
        path: text
        for path, text in documents().items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    }


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(description="Write the documents of the project's own clusters.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if one is stale")
    options = parser.parse_args()
    found = stale()
    for path, text in found.items():
        print(f"{path}: {'stale' if options.check else 'written'}")
        if not options.check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
    sys.exit(1 if found and options.check else 0)


if __name__ == "__main__":
    main()
