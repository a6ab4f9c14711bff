"""Settings for all tests."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("hwsim", deadline=None, derandomize=True)
hypothesis.settings.load_profile("hwsim")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("HWSIM_NO_SKIPS") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("HWSIM_NO_SKIPS: a skipped test counts as a failure", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("HWSIM_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
