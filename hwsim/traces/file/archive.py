"""The zip files of traces."""

from __future__ import annotations

import zipfile


class Archive(zipfile.ZipFile):
    """A zip file that nothing but `close` ends: one that an interrupt left may be half made, and its file closed."""

    def __del__(self) -> None:
        pass
