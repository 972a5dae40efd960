"""Files in and out: the object in the storage, and the document that names it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from daybook.runtime.clock import Clock
from daybook.runtime.objects import ObjectMissing, Objects, ObjectsUnavailable
from daybook.storage.times import from_ms, to_ms

from query.api.errors import RETRY_AFTER_SECONDS, ApiError
from query.import_files.intake import Intake, InvalidUpload
from query.import_files.names import UNKNOWN_TYPE, clean_name
from query.import_files.repository import ImportFile, ImportFiles


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file, and its bytes as they are read."""

    file: ImportFile
    chunks: AsyncIterator[bytes]


class Library:
    """Keeps what is uploaded and gives it back byte for byte."""

    def __init__(
        self,
        files: ImportFiles,
        objects: Objects,
        *,
        limit: int,
        clock: Clock,
        make_id: Callable[[], str],
    ) -> None:
        self.files = files
        self.limit = limit
        self._objects = objects
        self._clock = clock
        self._make_id = make_id

    async def keep(
        self, project_id: str, intake: Intake, *, name: str | None
    ) -> ImportFile:
        """Store an upload; what is returned lasts.

        An upload that is refused, or that breaks off, leaves nothing. Where the
        database goes away between the object and its document, the object stays without
        one: to remove it could take it from a document that did arrive.
        """
        file_id = f"imf_{self._make_id()}"
        measured = Measured(intake.chunks(), self.limit)
        try:
            await self._objects.put(_object(project_id, file_id), measured.chunks())
        except ObjectsUnavailable as error:
            raise _storage_unavailable(error) from error
        file = ImportFile(
            project_id=project_id,
            id=file_id,
            name=clean_name(name) or clean_name(intake.name) or file_id,
            content_type=intake.content_type or UNKNOWN_TYPE,
            size=measured.size,
            sha256=measured.sha256(),
            # As the database holds it, so that this answer and later ones are the same.
            created_at=from_ms(to_ms(self._clock())),
        )
        await self.files.add(file)
        return file

    async def find(self, project_id: str, file_id: str) -> ImportFile:
        """What is known of a file of the project; raises the API's error."""
        file = await self.files.get(project_id, file_id)
        if file is None:
            raise not_found(file_id)
        return file

    async def open(self, project_id: str, file_id: str) -> OpenedFile:
        """A file of the project, to be read; raises the API's errors."""
        file = await self.find(project_id, file_id)
        try:
            # By the stored ids, not by what was asked for.
            stored = await self._objects.get(_object(file.project_id, file.id))
        except ObjectMissing as error:
            raise _lost(file) from error
        except ObjectsUnavailable as error:
            raise _storage_unavailable(error) from error
        if stored.size != file.size:
            raise _lost(file)
        return OpenedFile(file, stored.chunks)

    def refuse_declared(self, length: int, intake: Intake) -> None:
        """Refuse by its Content-Length what need not be read."""
        if length > self.limit + intake.wrapping:
            raise too_large(self.limit)


class Measured:
    """Counts and sums up what passes, and lets no empty and no endless file by."""

    def __init__(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        self.size = 0
        self._chunks = chunks
        self._limit = limit
        self._digest = sha256()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._limit:
                raise too_large(self._limit)
            self._digest.update(chunk)
            yield chunk
        if not self.size:
            raise InvalidUpload("The file is empty. Send at least one byte.")

    def sha256(self) -> str:
        return self._digest.hexdigest()


def _object(project_id: str, file_id: str) -> str:
    return f"import-files/{project_id}/{file_id}"


def too_large(limit: int) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "import_file_too_large",
        f"An import file may have at most {limit} bytes, and this one has more. "
        "Nothing of it was kept. Split it, or have DAYBOOK_IMPORT_FILE_LIMIT raised.",
    )


def not_found(file_id: str) -> ApiError:
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "import_file_not_found",
        f"There is no import file {file_id} in this project. `GET /v1/import-files` "
        "lists what is there.",
        resource=("import_file", file_id),
    )


def _lost(file: ImportFile) -> ApiError:
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "import_file_content_missing",
        f"The content of import file {file.id} is not in the object storage as it was "
        "stored. Ask the operators: somebody else removed or changed it.",
        resource=("import_file", file.id),
    )


def _storage_unavailable(error: ObjectsUnavailable) -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "storage_unavailable",
        "The object storage does not answer at the moment. Try again in some seconds.",
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
