"""Health, metrics, and this description."""

from typing import Any

from ingress import operating
from ingress.openapi import examples
from ingress.openapi.operation import Answer, Operation
from ingress.texts import Text

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/health/live",
        id="isLive",
        tag="operating",
        summary=Text("O processo vive?", "Does the process live?"),
        description=Text("Responde enquanto o processo responde.", "Answers as long as the process does."),
        answers=(Answer(200, Text("Vive.", "It does."), operating.Live, {"status": "live"}),),
    ),
    Operation(
        method="GET",
        path="/health/ready",
        id="isReady",
        tag="operating",
        summary=Text("Pode receber pedidos?", "Can it take orders?"),
        description=Text("Pergunta a cada parte necessária.", "Asks every part that is needed."),
        answers=tuple(
            Answer(
                status,
                means,
                operating.Ready,
                {"status": word, "parts": {"commands": True, "replies": True, "views": well}},
            )
            for status, word, well, means in (
                (200, "ready", True, Text("Todas respondem.", "All answer.")),
                (503, "not-ready", False, Text("Alguma não responde.", "Some do not.")),
            )
        ),
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="getMetrics",
        tag="operating",
        summary=Text("Métricas", "Metrics"),
        description=Text("De todos os processos, para o Prometheus.", "Of all processes, for Prometheus."),
        answers=(Answer(200, Text("O texto.", "The text."), str, examples.METRICS, media_type="text/plain"),),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        id="getOpenapi",
        tag="operating",
        summary=Text("Esta descrição", "This description"),
        description=Text("OpenAPI 3.1, na língua do leitor.", "OpenAPI 3.1, in the reader's language."),
        answers=(
            Answer(
                200,
                Text("O documento.", "The document."),
                dict[str, Any],
                {"openapi": "3.1.0"},
                ("Content-Language",),
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/docs",
        id="getDocs",
        tag="operating",
        summary=Text("Esta descrição como página", "This description as a page"),
        description=Text(
            "HTML, sem script nem nada de fora.", "HTML, without scripts or anything from outside."
        ),
        answers=(
            Answer(
                200,
                Text("A página.", "The page."),
                str,
                "<!doctype html>",
                ("Content-Language",),
                media_type="text/html",
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/problems/{slug}",
        id="getProblem",
        tag="operating",
        summary=Text("O que um problema significa", "What a problem means"),
        description=Text("O `type` de cada problema leva aqui.", "The `type` of every problem leads here."),
        answers=(
            Answer(
                200,
                Text("O significado.", "The meaning."),
                operating.ProblemMeaning,
                examples.PROBLEM_MEANING,
                ("Content-Language",),
            ),
        ),
        problems=("not-found",),
    ),
)
