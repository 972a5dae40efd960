"""Run the service that the image was built for, as this very process.

Signals reach it without a shell in between.
"""

import os
import runpy

if __name__ == "__main__":
    module = os.environ["SERVICE"].replace("-", "_")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
