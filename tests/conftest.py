"""Settings for all tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest

hypothesis.settings.register_profile("hwsim", deadline=None, derandomize=True)
hypothesis.settings.load_profile("hwsim")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--design",
        action="append",
        metavar="NAME_OR_PATH",
        help="test what holds for every machine on this design, in the place of the shipped ones; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse designs that cannot be loaded, before anything is collected."""
    if designs := config.getoption("design"):
        from hwsim import api
        from hwsim.errors import HwsimError

        try:
            for design in designs:
                api.load_architecture(design)
        except HwsimError as error:
            raise pytest.UsageError(f"--design: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fail tests that are marked `no_kernel` and run one."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_kernel"):
            from hwsim.kernels.compiled import _Kernel

            patch.setattr(_Kernel, "__call__", lambda kernel, *_, **__: pytest.fail(f"{kernel.__qualname__} is run"))
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("HWSIM_NO_SKIPS") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("HWSIM_NO_SKIPS: a skipped test counts as a failure", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("HWSIM_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
