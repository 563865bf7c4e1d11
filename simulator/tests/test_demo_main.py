"""How the demo ends where it can't go on."""

import asyncio
import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from csms_simulator.demo import main as demo
from csms_simulator.errors import OfflineError


def test_a_demo_whose_stations_another_one_plays_ends_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def live(*_: Any) -> NoReturn:
        await asyncio.sleep(0)
        raise OfflineError("DEMO-LIS-01 is offline")

    (tmp_path / "run.json").write_text(json.dumps({"rest_url": "http://127.0.0.1:1"}))
    monkeypatch.setenv("CSMS_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["csms-demo"])
    monkeypatch.setattr(demo, "live", live)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == "csms-demo: DEMO-LIS-01 is offline; does another demo run?"
