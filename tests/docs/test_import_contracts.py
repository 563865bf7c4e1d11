"""The architecture page has a row for each import contract, and no other."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_each_contract_in_its_own_words() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    names = {
        contracts[section]["name"]
        for section in contracts.sections()
        if section.startswith("importlinter:contract:")
    }
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.split("| contract | why |", 1)[1].split("\n\n", 1)[0]
    assert len(names) > 20
    assert set(re.findall(r"^\| (?!-)([^|]*?) \|", table, re.MULTILINE)) - {"---"} == names
