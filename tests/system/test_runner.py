"""tests/system/run: whom it runs once more, and whom it does not excuse."""
import os
import subprocess
import sys
import xml.etree.ElementTree as tree

import pytest

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
GOOD = "def test_good(): pass\n"
# It fails as long as its file is not there, and makes it.
RACY = """
import os, pytest
def test_{name}(mark={mark!r} + "{name}"):
    if not os.path.exists(mark):
        open(mark, "w").close()
        assert False, "too early"
"""


@pytest.fixture
def outcome(tmp_path):
    """Runs these modules; (exit status, last line, output, {test: its case in the report})."""
    def fn(*arguments, **modules):
        for name, text in modules.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        report = tmp_path / "report.xml"
        p = subprocess.run([sys.executable, "-B", RUN, "--jobs", "2", "--report", report, "--directory", tmp_path, *arguments],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        cases = {case.get("name"): case for case in tree.parse(report).getroot().iter("testcase")}
        return p.returncode, p.stdout.rstrip().splitlines()[-1], p.stdout, cases
    fn.racy = lambda *names: "".join(RACY.format(mark=str(tmp_path / "mark-"), name=n) for n in names)
    return fn


def test_who_passes_alone_is_unstable_and_no_failure(outcome):
    status, last, text, cases = outcome(good=GOOD, racy=outcome.racy("early") + GOOD)
    assert (status, last) == (0, "3 tests, 0 failures, 0 errors, 0 skipped, 1 unstable"), text
    assert "UNSTABLE: test_racy::test_early failed, and passed alone" in text and "too early" in text
    assert "test_racy: once more, alone, because of test_early" in text and "good: once" not in text
    case = cases["test_early"]
    assert case.find("failure") is None and "too early" in case.find("system-out").text
    assert [p.get("name") for p in case.iter("property")] == ["unstable"]


def test_who_fails_twice_has_failed(outcome):
    status, last, text, cases = outcome(bad="def test_bad(): assert 1 == 2\n", racy=outcome.racy("early"))
    assert (status, last) == (1, "2 tests, 1 failures, 0 errors, 0 skipped, 1 unstable"), text
    assert "FAILED: test_bad::test_bad" in text and cases["test_bad"].find("failure") is not None


def test_more_than_three_are_not_excused(outcome):
    status, last, text, _ = outcome(racy=outcome.racy("a", "b", "c", "d"))
    assert (status, last) == (1, "4 tests, 4 failures, 0 errors, 0 skipped, 0 unstable"), text
    assert "4 tests have failed, more than 3" in text


@pytest.mark.parametrize("said", [
    "==7==ERROR: AddressSanitizer: heap-use-after-free", "dynod: the supervisor was ended by signal 11"])
def test_a_crash_of_the_product_is_not_excused(outcome, said):
    status, last, text, _ = outcome(racy=outcome.racy("early").replace("assert False", f"print({said!r}); assert False"))
    assert status == 1 and last.endswith("1 failures, 0 errors, 0 skipped, 0 unstable"), text
    assert "something has crashed" in text


def test_what_is_left_behind_is_not_excused(outcome):
    census = """
import pytest
@pytest.fixture(scope="module")
def host():
    yield 1
    assert {"processes": ["dynod"]} == {}
def test_it(host): pass
"""
    status, last, text, _ = outcome(census=census)
    assert status == 1 and "1 errors" in last and "leaves something behind" in text, text


def test_a_module_without_a_report_is_a_failure(outcome):
    status, last, text, _ = outcome(dies="import os\ndef test_it(): os._exit(0)\n", good=GOOD)
    assert status == 1 and "1 errors" in last, text


def test_arguments_go_to_pytest(outcome):
    status, last, text, _ = outcome("--", "-k", "early", good=GOOD, racy=outcome.racy("early") + GOOD)
    assert (status, last) == (0, "1 tests, 0 failures, 0 errors, 0 skipped, 1 unstable"), text
    assert "test_good: " not in text
