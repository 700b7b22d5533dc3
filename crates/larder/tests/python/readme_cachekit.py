"""The README's program for Python, run as it stands there; only the name of the host is made to resolve first."""

import pathlib
import re

import larder_host  # noqa: F401

readme = pathlib.Path(__file__).parents[4].joinpath("README.md").read_text()
exec(re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1))
