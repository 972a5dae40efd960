"""Settings that query and the exporter have alike: where files are kept."""

from typing import Annotated

from pydantic import Field

from daybook.runtime.objects import Objects, is_folder
from daybook.runtime.settings import ServiceSettings


class FolderNotShared(ValueError):
    """DAYBOOK_STORAGE_URL is a folder that only this process would see: what one
    process writes, the others have to read. Name object storage (s3://BUCKET/PREFIX,
    gs://BUCKET/PREFIX or az://CONTAINER/PREFIX), or mount one volume into query and
    every exporter and set DAYBOOK_STORAGE_FOLDER_SHARED=true.
    """

    def __init__(self, address: str) -> None:
        super().__init__(f"{address!r}: {' '.join(str(self.__doc__).split())}")


class StorageSettings(ServiceSettings):
    """One storage, which query and every exporter read and write alike."""

    storage_url: Annotated[
        str,
        Field(
            description=(
                "Where files are kept: a folder, file:///FOLDER, s3://BUCKET/PREFIX, "
                "gs://BUCKET/PREFIX or az://CONTAINER/PREFIX; clouds take credentials "
                "from their own AWS_…, GOOGLE_…, AZURE_…."
            )
        ),
    ] = ".daybook/objects"
    storage_folder_shared: Annotated[
        bool,
        Field(
            description=(
                "Whether a folder named there is the same to query and every exporter; "
                "where not, they refuse to start on one."
            )
        ),
    ] = True  # on one machine it is; the Kubernetes manifests say false

    def objects(self) -> Objects:
        """The storage, which opens nothing yet.

        Raises :class:`FolderNotShared`, and
        :class:`~daybook.runtime.objects.InvalidStorageAddress`.
        """
        if not self.storage_folder_shared and is_folder(self.storage_url):
            raise FolderNotShared(self.storage_url)
        return Objects(self.storage_url)
