"""The parts of a real-time fine-tuning system put together by hand, in the order of their guide:
`.venv/bin/python examples/basic_setup.py [ADDRESS or PICTURE ...]`.

Queue, collector, importers, engine, batches, updater and scheduler; then one lesson, from a chat to
the version in use. The demo model takes about a minute.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.collecting.language import detect
from oneseek.engine.core.queue.batches import BatchManager
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.scheduler import TrainingScheduler
from oneseek.engine.core.settings import SchedulerConfig
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.round_plan import LESSON
from oneseek.engine.history.versions import GENERIC
from oneseek.engine.open import assistant_over, clock, model_named
from oneseek.importers.image import ImageImporter
from oneseek.importers.text import TextImporter
from oneseek.importers.website import WebsiteImporter

TEXT = "The harbour of Quillmere opened in 1712. Its lighthouse is 41 metres high."
MESSAGES = [
    ("user", "What is my boat called?"),
    ("assistant", "I do not know."),
    ("user", "My boat is called Saltkråkan."),
]


async def main(sources: list[str]) -> None:
    # 1. What is to be learned
    queue = TrainingQueue()
    switches = {"enable_chat_logging": True, "auto_collect": True}
    collector = DataCollector(queue, switches, language=detect)
    for number, (role, content) in enumerate(MESSAGES):
        said = {"id": f"m{number}", "role": role, "content": content, "timestamp": clock()}
        await collector.log_message(said)
    imported = [TextImporter(queue).import_text(TEXT, "plain")]
    for source in sources:
        if source.startswith("http"):
            imported.append(WebsiteImporter(queue).import_website(source))
        else:
            imported.append(ImageImporter(queue).import_image_file(source))
    for result in imported:
        print(result.name, result.examples_generated, result.problem)
    print("queue", json.dumps(queue.get_stats()))

    # 2. What learns it
    store = SqliteStore(Path(tempfile.mkdtemp()) / "oneseek.sqlite")
    model = await model_named("tiny", "auto")
    assistant = assistant_over(model, store, model.fingerprint)
    engine, updater = assistant.learner.training, assistant.updater
    batch = BatchManager(queue).next_batch(active=True)
    await store.batch([["put", "queue", one["id"], one] for one in batch])
    lesson = await assistant.learner.learn(LESSON, [one["id"] for one in batch], GENERIC)

    # 3. When it learns
    async def grant(milliseconds: float) -> dict:
        used, ended = await assistant.learner.grant(milliseconds)
        return {"used_ms": used, "finished": ended is not None}

    async def idle(timeout_ms: float) -> float:
        return timeout_ms  # nobody types here

    def has_work() -> bool:
        return assistant.learner.round is not None

    config = SchedulerConfig(max_cpu_usage=1.0, check_interval_ms=10)
    scheduler = TrainingScheduler(config, lambda: time.monotonic() * 1000, grant, idle, has_work)
    scheduler.start()
    scheduler.force_training()
    while has_work():
        await asyncio.sleep(await scheduler.turn() / 1000)
    ended, metrics = lesson.task.result(), engine.get_latest_metrics()
    queue.settle([one["id"] for one in batch])
    print("trained", metrics["step"], "steps, loss", round(metrics["loss"], 3))
    print("outcome", ended["outcome"], ended["version"] and ended["version"]["name"])

    # 4. What becomes of it
    saved = json.loads(json.dumps(await engine.save_model()))
    print("loaded as", (await engine.load_model(saved))["name"])
    if await updater.should_rollback({"loss": metrics["loss"]}):
        await updater.rollback()
    await updater.clear_old_snapshots()
    print("scheduler", json.dumps(scheduler.get_stats()))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
