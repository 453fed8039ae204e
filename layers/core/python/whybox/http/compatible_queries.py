"""The query parameters of the four compatible endpoints, and the explanation each set of them asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from whybox.domain.jobs.explanation_requests import Dialect, ExplanationRequest, ModelChoice
from whybox.domain.models.specs import Family, TaskKind
from whybox.http.parameters import DECIMAL, ID_PATTERN, TRUTH_VALUE, WHOLE, TableQuery

BoostingName = Literal["xgboost", "lightgbm", "catboost", "gradientboosting"]

BaseModelName = Annotated[
    str, Field(min_length=1, max_length=100, description="The class name of a scikit-learn estimator.")
]
HiddenFeatureCount = Annotated[
    int, Field(ge=0, le=200, description="Random hidden features of each layer; 0 for none."), WHOLE
]
BoostingType = Annotated[BoostingName, Field(description="The boosting library.")]
ProbabilitiesWanted = Annotated[bool, Field(description="Whether the answer holds proba."), TRUTH_VALUE]
IntervalsWanted = Annotated[
    bool, Field(description="Whether the answer holds pi_lower, pi_upper and pi_coverage."), TRUTH_VALUE
]


class CompatibleQuery(TableQuery):
    """What all four endpoints understand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Annotated[
        float, Field(ge=50, le=99.9, description="Level of the prediction intervals in percent."), DECIMAL
    ] = 95.0
    n_layers: Annotated[int, Field(ge=1, le=3, description="Layers of hidden features."), WHOLE] = 1
    upload_id: Annotated[
        str | None,
        Field(
            pattern=ID_PATTERN, description="A finished upload that holds the table; send no body with it."
        ),
    ] = None

    def request(
        self, kind: TaskKind, model: ModelChoice, *, has_intervals: bool = False, route: str
    ) -> ExplanationRequest:
        """Return the explanation asked for; the unit is what the users' plots expect."""
        return ExplanationRequest(
            kind=kind,
            model=model,
            method=self.interpretability,
            target=self.target,
            split=self.split,
            seed=self.seed,
            n_repeats=self.n_repeats,
            scoring=self.scoring,
            interval_level=self.level if has_intervals else None,
            dialect=Dialect(self.delimiter, self.decimal, self.encoding, self.missing_words),
            route=route,
        )


class MlClassificationQuery(CompatibleQuery):
    """Parameters of /mlclassification."""

    base_model: BaseModelName = "RandomForestClassifier"
    n_hidden_features: HiddenFeatureCount = 5
    predict_proba: ProbabilitiesWanted = True

    def as_request(self, route: str) -> ExplanationRequest:
        """Return the explanation asked for."""
        model = ModelChoice("sklearn", self.base_model, self.n_hidden_features, self.n_layers)
        return self.request("classification", model, route=route)


class MlRegressionQuery(CompatibleQuery):
    """Parameters of /mlregression."""

    base_model: BaseModelName = "ElasticNet"
    n_hidden_features: HiddenFeatureCount = 5
    return_pi: IntervalsWanted = False

    def as_request(self, route: str) -> ExplanationRequest:
        """Return the explanation asked for."""
        model = ModelChoice("sklearn", self.base_model, self.n_hidden_features, self.n_layers)
        return self.request("regression", model, has_intervals=self.return_pi, route=route)


class GbdtClassificationQuery(CompatibleQuery):
    """Parameters of /gbdtclassification."""

    model_type: BoostingType = "lightgbm"
    predict_proba: ProbabilitiesWanted = True

    def as_request(self, route: str) -> ExplanationRequest:
        """Return the explanation asked for."""
        family: Family = self.model_type
        return self.request("classification", ModelChoice(family, None), route=route)


class GbdtRegressionQuery(CompatibleQuery):
    """Parameters of /gbdtregression."""

    model_type: BoostingType = "lightgbm"
    return_pi: IntervalsWanted = False

    def as_request(self, route: str) -> ExplanationRequest:
        """Return the explanation asked for."""
        family: Family = self.model_type
        return self.request(
            "regression", ModelChoice(family, None), has_intervals=self.return_pi, route=route
        )
