from __future__ import annotations

import subprocess
import sys

import pytest

FIT = """
import sys, threading
import numpy as np
from whybox.domain.models.boosted_trees import fit_lightgbm, fit_xgboost
from whybox.domain.models.lone_boosters import keep_boosters_alone
Z, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 2
parameters = {"n_estimators": 5, "learning_rate": 0.1, "max_depth": 3}
def margin(fit):
    return fit(Z, y, n_classes=2, parameters=parameters, seed=0).margin(Z)
def loaded(*names):
    return [name for name in names if name in sys.modules]
"""


def run(program: str) -> None:
    """Run the program in a fresh process, after FIT; what it asserts must hold."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", FIT + program], capture_output=True, text=True
    )

    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_booster_alone_works_without_scikit_learn_and_pandas(library):
    run(f"""
keep_boosters_alone()
alone = margin(fit_{library})
assert not loaded("sklearn", "pandas", "scipy.special", "scipy.linalg", "numpy.f2py.f2py2e")
assert np.isfinite(alone).all()
""")


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_what_was_hidden_from_a_booster_is_there_afterwards(library):
    run(f"""
keep_boosters_alone()
before = margin(fit_{library})
import pandas, scipy.special, sklearn.ensemble
np.testing.assert_allclose(scipy.special.softmax([0.0, np.log(3.0)]), [0.25, 0.75])
assert sklearn.ensemble.RandomForestClassifier(2).fit(Z, y).predict(Z).shape == (30,)
assert pandas.DataFrame(Z).shape == Z.shape
np.testing.assert_array_equal(margin(fit_{library}), before)
""")


def test_the_names_of_numpy_are_whole_after_a_booster_alone():
    run("""
keep_boosters_alone("xgboost")
assert not loaded("numpy.f2py.f2py2e", "numpy.polynomial.polynomial", "numpy.testing._private", "unittest")
assert callable(np.f2py.run_main) and callable(np.f2py.get_include)
np.testing.assert_allclose(np.polynomial.Polynomial([1.0, 2.0])(3.0), 7.0)
import numpy.f2py as again, numpy.polynomial.polynomial as polynomial
assert again is np.f2py is sys.modules["numpy.f2py"]
assert polynomial.polyval(3.0, [1.0, 2.0]) == 7.0
""")


def test_one_booster_may_be_imported_long_after_the_other():
    run("""
keep_boosters_alone()
margin(fit_xgboost)
assert not loaded("lightgbm")
margin(fit_lightgbm)
assert not loaded("sklearn", "pandas", "scipy.special")
""")


def test_other_threads_import_as_usual_while_a_booster_is_imported_alone():
    run("""
keep_boosters_alone()
found = []
def work():
    import pandas, scipy.special
    found.extend([pandas.DataFrame, scipy.special.softmax])
def meanwhile(event, arguments):
    if event == "import" and arguments[0] == "lightgbm.basic" and not found:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
sys.addaudithook(meanwhile)
assert np.isfinite(margin(fit_lightgbm)).all()
assert len(found) == 2
""")


@pytest.mark.parametrize("first", ["sklearn", "pandas"])
def test_a_booster_is_whole_where_scikit_learn_or_pandas_is_loaded_already(first):
    run(f"""
import {first}
keep_boosters_alone()
import xgboost, lightgbm
xgboost.XGBClassifier(n_estimators=2).fit(Z, y)
lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1).fit(Z, y)
""")


def test_a_module_that_was_imported_alone_has_its_own_loader():
    run("""
import importlib.resources, inspect
keep_boosters_alone()
keep_boosters_alone()
import xgboost
assert [type(finder).__name__ for finder in sys.meta_path].count("LoneBoosters") == 1
assert xgboost.__loader__ is xgboost.__spec__.loader
assert "Booster" in inspect.getsource(xgboost)
assert (importlib.resources.files("xgboost") / "VERSION").is_file()
""")
