"""Operations for operators and programmers: health, metrics, this description."""

from typing import Any

from ingress.handlers import ops
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.texts import EXAMPLES

GET_LIVE = Operation(
    id="isLive",
    tag="operating",
    responses=(DocumentedResponse(200, "live", ops.Live, {"status": "live"}),),
)

GET_READY = Operation(
    id="isReady",
    tag="operating",
    responses=(
        DocumentedResponse(200, "ready", ops.Ready, EXAMPLES["ready"]),
        DocumentedResponse(503, "not_ready", ops.Ready, EXAMPLES["not_ready"]),
    ),
)

GET_METRICS = Operation(
    id="getMetrics",
    tag="operating",
    responses=(DocumentedResponse(200, "metrics", str, EXAMPLES["metrics"], media_type="text/plain"),),
)

GET_OPENAPI = Operation(
    id="getOpenapi",
    tag="operating",
    responses=(
        DocumentedResponse(200, "document", dict[str, Any], {"openapi": "3.1.0"}, ("Content-Language",)),
    ),
)

GET_DOCS = Operation(
    id="getDocs",
    tag="operating",
    responses=(DocumentedResponse(200, "page", str, "<!doctype html>", ("Content-Language",), "text/html"),),
)

GET_PROBLEM = Operation(
    id="getProblem",
    tag="operating",
    responses=(
        DocumentedResponse(200, "problem", ops.ProblemMeaning, EXAMPLES["problem"], ("Content-Language",)),
    ),
    problems=("not-found",),
)
