"""Where this package was installed from, so that other environments can have the same one."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from urllib.parse import unquote, urlsplit


def origin() -> str:
    """What pip installs this very package from: the folder of a checkout, an address, or name and version in an index.

    Installers leave it in `direct_url.json` (PEP 610), unless the package came from an index.
    """
    installed = distribution("multiscope")
    text = installed.read_text("direct_url.json")
    if text is None:
        return f"multiscope=={installed.version}"
    origin = json.loads(text)
    url: str = origin["url"]
    if "vcs_info" in origin:
        return f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    return unquote(urlsplit(url).path) if "dir_info" in origin else url
