"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def with_settings(function: Function) -> Function:
    return click.option(
        "--settings",
        type=click.Path(path_type=Path),
        default=Path("hearth.toml"),
        show_default=True,
        envvar="HEARTH_SETTINGS",
        help="The settings file.",
    )(function)
