"""The page and its files. What it names gets an address with the hash of all files, and may then be kept for good."""

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath

from backend.api.access import OPEN
from backend.api.caching import IMMUTABLE, REVALIDATED, etag_of, is_known
from backend.services.errors import AppError

_REFERENCE = re.compile(rb'(?<=[\s"])(href|src)="/([^"?#]+)"')
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    body: bytes
    media_type: str
    etag: str


class Pages:
    """All files of a folder, read once at start: no path from outside reaches the disk.

    In HTML, an address such as /app.js becomes /assets/<version>/app.js. Modules import each other by relative paths,
    so that these follow.
    """

    def __init__(self, folder: Path) -> None:
        raw = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        digest = hashlib.sha256()
        for name, body in sorted(raw.items()):
            digest.update(b"%s\0%d\0%s" % (name.encode(), len(body), body))
        self.version = digest.hexdigest()[:16]
        self._files = {name: self._file(name, body, raw) for name, body in raw.items()}

    def find(self, path: str) -> File | None:
        """The file at a path; /docs is docs.html, and / is index.html."""
        name = path.strip("/")
        names = (name, f"{name}.html") if name else ("index.html",)
        return next((self._files[found] for found in names if found in self._files), None)

    def _file(self, name: str, body: bytes, raw: dict[str, bytes]) -> File:
        media_type = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        if media_type == "text/html":
            body = _REFERENCE.sub(lambda found: self._with_version(found, raw), body)
        return File(body, media_type, etag_of(body))

    def _with_version(self, found: re.Match[bytes], raw: dict[str, bytes]) -> bytes:
        attribute, name = found[1], found[2].decode()
        if name not in raw:
            return found[0]
        return b'%s="/assets/%s/%s"' % (attribute, self.version.encode(), name.encode())


_READ = (HttpMethod.GET, HttpMethod.HEAD)


@route(["/", "/{file_path:path}"], http_method=_READ, opt=OPEN, include_in_schema=False)
async def page(request: Request[Any, Any, Any], file_path: FromPath[str] = "/") -> Response[bytes]:
    """A page or a file by its plain name: kept, but asked about each time."""
    return _answer(request, file_path, REVALIDATED)


@route("/assets/{version:str}/{file_path:path}", http_method=_READ, opt=OPEN, include_in_schema=False)
async def asset(request: Request[Any, Any, Any], version: FromPath[str], file_path: FromPath[str]) -> Response[bytes]:
    """A file of this version, kept for good. Of another version (an overlapping deploy): ours, and not kept."""
    is_ours = version == request.app.state.pages.version
    return _answer(request, file_path, IMMUTABLE if is_ours else REVALIDATED)


def _answer(request: Request[Any, Any, Any], path: str, cache_control: str) -> Response[bytes]:
    file = request.app.state.pages.find(path)
    if file is None:
        raise AppError(404, "There is nothing here")
    headers = {"ETag": file.etag, "Cache-Control": cache_control}
    if is_known(request.headers, file.etag):
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    return Response(file.body, media_type=file.media_type, headers=headers)
