"""One of each thing of golden questions, for the test that knocks at every door."""

from accounts.models import User
from evaluation.models import Result, Run
from evaluation.questions import create_question
from evaluation.sets import create_set
from ingest.models import Index
from tests import people
from tests.evaluation.conftest import draft


def make_things(admin: User) -> dict[str, object]:
    """An administrator's set on a collection of her own, with the canary in it, by the words of URLs."""
    collection = people.make_collection(admin, name="Measured")
    document = people.make_document(collection, f"Golden {people.CANARY}.", "golden.txt")
    golden = create_set(admin, name="Golden", collections=[collection.pk])
    asked = draft("k", f"Golden? {people.CANARY}", "golden.txt", f"Golden {people.CANARY}")
    question = create_question(admin, golden, asked)
    made = {"set": golden, "kind": "answers", "started_by": admin, "status": "done"}
    passage = {"chunk": str(document.chunks.get().pk), "document": str(document.pk), "rank": 1}
    for _ in range(2):
        run = Run.objects.create(config={"model": "fake"}, done=1, total=1, **made)
        result = Result.objects.create(
            run=run, question=question, key="k", ordinal=1, type="fact", language="en",
            digest=question.digest, scores={"correct": True}, answer=f"Golden {people.CANARY}",
            passages=[passage | {"score": 0.5}],
        )  # fmt: skip
    index = Index.objects.create(state="building", embedder="another", chunking="1")
    return {
        "sets": golden.pk,
        "questions": question.pk,
        "runs": run.pk,
        "results": result.pk,
        "indexes": index.pk,
    }
