"""A conversation as the model reads it, and as it is exported."""

from oneseek.engine.core.conversation import as_openai, messages


def turn(role, text, **more):
    return {"id": text, "role": role, "text": text, "state": "done"} | more


def test_the_model_is_told_which_turns_the_model_did_not_answer_and_a_training_file_is_not():
    shown = [turn("user", "Where?"), turn("assistant", "Lund.", by="memory"), turn("user", "Hi"),
             turn("assistant", "Hello!", by="base"), turn("assistant", "")]  # fmt: skip
    told = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Lund."},
            {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]  # fmt: skip
    assert as_openai({"title": "A chat"}, shown)["messages"] == told
    told[1]["by"] = "memory"
    assert messages(shown, "Be brief.") == [{"role": "system", "content": "Be brief."}, *told]


def test_pictures_are_named_to_a_model_that_sees_and_their_text_is_told_to_all():
    shown = [turn("user", "What is this?")]
    shown[0]["pictures"] = [{"id": "p1", "text": "Harbour"}, {"id": "p2", "text": ""}]
    (seen,), (read,) = messages(shown, sees=True), messages(shown)
    assert seen["pictures"] == ["p1", "p2"] and "pictures" not in read
    assert seen["content"] == read["content"] == "What is this?\n\n[Text in the picture: Harbour]"
