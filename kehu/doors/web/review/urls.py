"""Addresses of the review: ids only."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.review import answers, lineage, pair, queue, weights

urlpatterns: list[URLPattern] = [
    path("review", queue.queue, name="review"),
    path("review/undo", pair.take_back, name="review-undo"),
    path("review/answers", answers.answers, name="review-answers"),
    path("review/weights", weights.versions, name="review-weights"),
    path("review/weights/teach", weights.teach, name="review-weights-teach"),
    path("review/weights/<uuid:version>", weights.one, name="review-weights-one"),
    path("review/weights/<uuid:version>/compare", weights.compare, name="review-weights-compare"),
    path("review/weights/<uuid:version>/adopt", weights.adopt, name="review-weights-adopt"),
    path("review/look/<uuid:older>/<uuid:younger>", pair.look, name="review-look"),
    path("customers/<uuid:subject>/lineage", lineage.lineage_page, name="customer-lineage"),
    path("review/<uuid:proposal>", pair.pair, name="review-pair"),
    path("review/<uuid:proposal>/answer", pair.answer, name="review-answer"),
]
