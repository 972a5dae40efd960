"""What is configured so that files would get lost ends at the start, and says why."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["query", "exporter"])
def test_a_service_does_not_start_on_a_folder_that_others_do_not_see(
    module: str,
) -> None:
    ended = subprocess.run(  # noqa: S603 - our own service
        [sys.executable, "-m", module],
        env={
            **os.environ,
            "DAYBOOK_STORAGE_FOLDER_SHARED": "false",
            "DAYBOOK_STORAGE_URL": "/var/lib/daybook/objects",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "FolderNotShared" in ended.stderr
    assert "mount one volume into query and every exporter" in ended.stderr
