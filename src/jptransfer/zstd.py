"""Reading files compressed by Zstandard."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class ZstdStream(io.RawIOBase):
    """Zstandard frames as a stream that, unlike the library's own, notices a truncated file."""

    def __init__(self, path: Path, chunk: int) -> None:
        """Open a file that is read `chunk` bytes at a time."""
        import zstandard

        self._error = zstandard.ZstdError
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._file, self._chunk = path.open("rb"), chunk
        self._frame: Any = None
        self._waiting = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        """Fill `buffer` with decompressed bytes and return their number; `EOFError` if the file is damaged."""
        while not self._ready and self._advance():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _advance(self) -> bool:
        """Decompress one more chunk; False at the end."""
        data = self._waiting or self._file.read(self._chunk)
        if not data:
            if self._frame is not None:
                raise EOFError("the last frame is incomplete")
            return False
        self._frame = self._frame or self._new()
        try:
            self._ready = memoryview(self._frame.decompress(data))
        except self._error as error:
            raise EOFError(str(error)) from error
        self._waiting = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
