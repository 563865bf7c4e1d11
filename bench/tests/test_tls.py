import io

import pytest
from rich.console import Console

import bench.__main__
import bench.tls
from bench.cases import chosen


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_haproxy_its_cases_are_left_out_by_name(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.tls, "find_haproxy", lambda: None)
    possible = bench.__main__._possible(chosen(["tls"], quick=False), console)
    assert [case.name for case in possible] == ["connect-tls-gateway", "memory-tls-gateway"]
    for name in ("connect-tls-haproxy", "memory-tls-haproxy"):
        assert f"{name} is left out: haproxy is not installed" in said(console)


def test_a_run_that_can_measure_nothing_fails(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.tls, "find_haproxy", lambda: None)
    with pytest.raises(SystemExit, match="nothing is left"):
        bench.__main__._possible(chosen(["connect-tls-haproxy"], quick=True), console)


def test_with_haproxy_all_cases_are_measured(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.tls, "find_haproxy", lambda: "/usr/sbin/haproxy")
    assert len(bench.__main__._possible(chosen(["tls"], quick=False), console)) == 4
    assert said(console) == ""
