"""The requirements of the documents that asked for this system, one on each line, and the tests
that show them.

A test shows a row through the product's own interfaces: HTTP, the page, the command line, or the
classes that the README offers to other programs. A row without such a test says what is missing.
"""

from collections import Counter
from typing import NamedTuple


class Row(NamedTuple):
    id: str
    requirement: str
    tests: tuple[str, ...]  # file::test, below tests/
    missing: str = ""  # what no test shows yet


def row(id: str, requirement: str, *tests: str, missing: str = "") -> Row:
    return Row(id, requirement, tests, missing)


API = "server/test_api.py::test_"
APP = "page/test_app_learning.py::test_"
FELT = "page/test_app_felt.py::test_"
CHAT = "page/test_app_chat.py::test_"
NAMES = "server/test_names.py::test_"
TROUBLE = "server/test_server_trouble.py::test_"
TEACH = "cli/test_teaching.py::test_"
READ = "importers/test_in_the_page.py::test_"
FETCH = "importers/test_fetch.py::test_"
PARTS = "tree/test_documents.py::test_"
LINE_OF_A_QUESTION = (
    "server/test_memory_api.py::test_questions_of_both_languages_are_learned_in_one_line"
)

RUN_EVENTS = API + "whoever_listens_hears_every_step_of_a_question_and_of_a_run"
MICRO = API + "the_documents_example_of_micro_training_answers_as_it_shows"
START = API + "the_documents_example_of_a_run_answers_as_it_shows"
BAD_RUN = API + "a_run_that_cannot_be_says_why"
OLD = API + "old_names_answer_the_same_and_say_that_they_will_go"
LIMITS = NAMES + "every_endpoint_of_the_documents_is_limited"
QUEUE = API + "the_queue_takes_shows_and_gives_up_items"
FACT = APP + "a_fact_is_learned_shown_used_and_taken_back"
SHOWN = FELT + "a_version_is_shown_left_and_used_again"
VERSION = FELT + "a_version_tells_what_it_learned_and_what_was_checked"
MODES = "server/test_run_modes.py::test_"
SET = "server/test_run_settings.py::test_"
RUNS = "learning/test_training_runs.py::test_"
BLIND = "server/test_comparing.py::test_versions_are_compared_blind_and_their_wins_are_kept"
EACH_MODE = MODES + "a_run_in_each_mode_learns_within_the_memory_announced_and_is_rolled_back"
TWO_MODELS = "server/test_two_models.py::test_"
IN_TURNS = TWO_MODELS + "each_model_has_its_own_losses_version_and_place_on_the_board"
WEIGHTS = TWO_MODELS + "the_losses_of_an_epoch_set_the_weights_and_the_rates_of_the_next"
THROWN_AWAY = (
    "page/test_app_runs.py::test_a_run_that_is_paused_resumed_and_thrown_away_is_told_as_it_is"
)
LARGER = MODES + "a_larger_shape_goes_on_from_what_there_is_and_a_smaller_one_says_why_not"
EFFECT = SET + "every_setting_of_a_run_has_its_effect"
REFUSED = SET + "what_has_no_effect_or_is_out_of_range_is_refused_by_name"
RUN_IN_PAGE = (
    "page/test_app_runs.py::"
    "test_a_run_over_who_oneseek_is_trains_in_the_page_and_is_told_after_a_reload"
)
MODES_IN_PAGE = (
    "page/test_app_runs.py::"
    "test_the_last_layers_are_trained_in_the_page_as_announced_and_taken_back"
)
CHAT_STAGES = (
    "page/test_two_origins.py::"
    "test_every_question_of_the_chat_leaves_both_stages_and_teaches_nothing_unasked"
)
BACK = "history/test_going_back.py::test_every_version_of_a_day_is_reached_also_after_a_restart"
BACK_IN_PAGE = (
    "page/test_going_back.py::test_every_version_is_used_verified_and_exported_also_after_a_reload"
)
TWENTY = "server/test_two_stages.py::test_both_stages_learn_what_is_agreed_and_ask_what_is_not"
EFFORT = "core/test_effort.py::test_"
STUMBLED_OVER = {
    "Ready beside Choose a model":
        "page/test_one_state.py::test_every_part_says_ready_before_anything_is_stored",
    "Choose a model while one is loaded":
        "page/test_one_state.py::test_nobody_is_told_to_choose_a_model_that_is_on_its_way",
    "a speed of 0.0 tokens a second":
        "page/test_words.py::test_a_speed_is_told_with_two_figures_or_not_at_all",
    "a lesson of 79 s, then 16 min":
        EFFORT + "the_time_that_is_told_never_grows_while_the_speed_is_the_same",
    "a lesson lost at 31 % with a closed tab":
        "learning/test_training_engine.py::"
        "test_at_most_ten_steps_are_lost_also_where_saving_is_slow",
    "Test the model on it, silent":
        "page/test_app_ask.py::test_a_source_tests_the_model_in_words_no_lesson_used",
    "Approve all without a word":
        CHAT + "what_one_file_taught_is_approved_or_left_out_in_one_go",
    "you told it, of a manual":
        "page/test_why.py::test_what_a_source_says_is_not_said_to_be_told",
    "a PDF titled (anonymous)":
        "importers/test_formats.py::"
        "test_a_title_that_a_program_wrote_where_nobody_gave_one_is_none",
    "a secret of no kind": APP + "secrets_told_in_a_chat_are_held_with_their_kind_and_asked_about",
    "two names of one person unasked": FELT + "two_names_of_one_thing_are_asked_about",
    "a leaderboard without headings in a second tab":
        APP + "scenario_22_versions_are_ranked_compared_blind_and_rolled_back",
    "Edit below the message":
        CHAT + "scenario_9_editing_a_question_makes_a_branch_and_keeps_the_old_one",
    "two riddles per question in Activity": CHAT_STAGES,
    "English in Swedish": "page/test_words.py::test_a_stage_is_told_with_its_question_and_its_reason",
}  # fmt: skip
"""What a new user stumbled over -> the test that shows it mended."""

ONE_LINE = FELT + "a_fact_is_told_learned_and_asked_from_one_line"
SKILL_IN_PAGE = (
    "page/test_app_runs.py::"
    "test_a_skill_is_taught_in_the_page_answers_what_is_like_it_and_is_removed"
)
QUESTION_LEADS = (
    NAMES + "a_question_leads_to_its_outcome_its_version_the_ledger_and_the_fingerprint"
)
SAME_NAMES = (
    NAMES + "the_documents_data_set_names_its_version_and_keeps_integrity_when_it_starts_again"
)
FIFTY = RUNS + "a_run_over_fifty_examples_learns_stops_and_goes_on_after_a_kill"
RANKED = APP + "scenario_22_versions_are_ranked_compared_blind_and_rolled_back"
IDLE = APP + "scenario_18_idle_learning_starts_by_itself_and_yields"
SETTINGS = APP + "bad_settings_are_refused_by_name_and_good_ones_kept"
CERTIFIED = NAMES + "a_version_leaves_the_server_certified_and_proves_itself"

CLASSES = [
    row("class.config", "TrainingConfig with the guide's fields, defaults and ranges",
        "core/test_config.py::test_the_classic_defaults_are_those_of_the_guide", SETTINGS),
    row("class.config.range", "a value out of range is refused with field, value and range",
        "core/test_config.py::test_a_value_out_of_range_is_named_with_field_value_and_range", SETTINGS),
    row("class.config.presets", "classic and micro are presets of the one configuration",
        "core/test_config.py::test_micro_is_the_measured_recipe"),
    row("class.config.mode", "mode lora, hybrid or full trains as it says",
        EACH_MODE, MODES_IN_PAGE),
    row("class.config.lora", "rank, alpha, dropout and targets each have their effect; bias is not offered",
        EFFECT, SET + "the_shape_asked_for_is_the_shape_exported", REFUSED),
    row("class.config.steps", "batch, warm-up, max steps, clipping and decay have their effect",
        EFFECT, REFUSED),
    row("class.scheduler_config", "SchedulerConfig with the guide's fields and defaults",
        "core/test_config.py::test_the_scheduler_defaults_are_those_of_the_guide"),
    row("class.scheduler_config.idle", "it trains in idle moments and pauses while one types",
        IDLE, "core/test_scheduler.py::test_activity_pauses_within_one_slice_and_quiet_resumes"),
    row("class.scheduler_config.share", "max_cpu_usage bounds the share of the time",
        "core/test_scheduler.py::test_the_share_measured_is_within_a_tenth_of_the_share_asked_for",
        NAMES + "a_server_learns_in_its_share_of_the_time"),
    row("class.scheduler_config.inference", "an answer pauses training", IDLE),
    row("class.queue", "TrainingQueue: size, get_stats with total, by_priority, by_source", QUEUE,
        PARTS + "the_queue_tells_its_size_by_priority_and_source"),
    row("class.queue.dedup", "the queue takes the same question once",
        PARTS + "the_queue_tells_its_size_by_priority_and_source"),
    row("class.collector", "DataCollector finds pairs in chats by itself",
        APP + "scenario_17_only_what_was_approved_is_in_the_queue_with_its_reason"),
    row("class.collector.chat", "enable_chat_logging and auto_collect are a person's switches",
        "core/test_collector.py::test_every_switch_turns_off_what_it_names"),
    row("class.collector.web",
        "enable_web_scraping and enable_content_processing are no switches: an import is asked for",
        PARTS + "a_switch_that_would_do_nothing_is_refused"),
    row("class.collector.log", "log_message({id, role, content, timestamp}) makes pairs",
        "core/test_collector.py::test_pairs_are_found_across_turns_and_chats"),
    row("class.import.website", "WebsiteImporter.import_website gives examples_generated",
        READ + "scenario_15_a_website_by_address_by_three_ways_and_by_paste",
        FETCH + "a_page_is_imported_with_its_title_address_and_lessons"),
    row("class.import.image", "ImageImporter.import_image_file gives examples_generated",
        READ + "scenario_14_a_picture_is_read_corrected_and_its_reader_ends"),
    row("class.import.text", "TextImporter.import_text gives examples_generated",
        READ + "scenario_12_a_dropped_text_becomes_lessons_and_the_same_file_is_already_here",
        API + "an_imported_text_waits_for_approval"),
    row("class.engine.metrics", "get_latest_metrics: step, loss, learning_rate, grad_norm, examples",
        "learning/test_training_engine.py::"
        "test_the_latest_metrics_are_those_of_the_last_step_and_of_the_gate", RUN_EVENTS),
    row("class.engine.save", "save_model and load_model give the version in use back",
        "learning/test_training_engine.py::test_a_saved_model_is_the_version_in_use_wherever_it_is_loaded"),
    row("class.batches", "BatchManager: few while one is active, many when idle",
        "core/test_batches.py::test_few_are_taken_while_someone_is_active_and_many_when_idle"),
    row("class.updater", "WeightUpdater changes weights between answers only",
        "history/test_updater.py::"
        "test_weights_are_put_in_place_only_when_no_answer_needs_those_that_are"),
    row("class.updater.rollback", "rollback to the version before", SHOWN, FACT, RANKED),
    row("class.updater.should", "a version that got worse is not used; should_rollback tells so later",
        "history/test_updater.py::test_should_rollback_compares_with_what_the_gate_found",
        APP + "scenario_21_a_version_that_got_worse_is_not_used",
        APP + "scenario_21_numbers_that_are_none_are_thrown_away"),
    row("class.updater.clear", "old snapshots go; current, last, daily and weekly ones stay",
        "history/test_versions.py::test_old_snapshots_go_and_current_last_three_daily_and_weekly_stay"),
    row("class.scheduler", "TrainingScheduler: start, stop, update_config, get_stats",
        "core/test_scheduler.py::test_stats_have_the_documented_names"),
    row("class.scheduler.force", "force_training is Learn now", ONE_LINE, FACT,
        "core/test_scheduler.py::"
        "test_forced_training_runs_at_once_until_a_round_ends_and_still_yields_to_a_person"),
    row("ui.live", "a live training status view", IDLE,
        "learning/test_follow_one_message.py::*"),
    row("ui.import", "a multi-source import view",
        READ + "scenario_12_a_dropped_text_becomes_lessons_and_the_same_file_is_already_here",
        READ + "scenario_13_pdf_and_docx_come_out_whole_and_a_scan_goes_through_ocr"),
    row("figure.adapter", "an adapter of rank 8 takes about 4 MB: 3.7 on attention, 5.9 on the default",
        "model/test_adapters.py::"
        "test_an_adapter_of_rank_8_of_the_default_model_takes_about_four_megabytes"),
    row("figure.overhead", "inference overhead under 5 ms, memory overhead under 100 MB",
        "learning/test_overhead.py::"
        "test_an_answer_waits_less_than_five_milliseconds_for_what_is_being_learned",
        "page/test_overhead.py::"
        "test_an_answer_asked_while_it_learns_waits_for_the_rest_of_a_slice",
        "backends/wasm/test_memory.py::*"),
    row("figure.converges", "a lesson set converges within 100-500 examples",
        "page/test_real_lesson.py::*"),
    row("technique.queues", "answers never wait for training",
        TROUBLE + "who_asks_much_waits_for_itself_and_who_asks_once_is_next", IDLE),
]  # fmt: skip

MICRO_SERVICE = [
    row("micro.language", "langdetect finds the question's language", MICRO,
        NAMES + "an_english_question_with_a_swedish_name_is_taken_as_english"),
    row("micro.language.page", "the page says each message's language",
        CHAT + "scenario_8_messages_know_their_language",
        NAMES + "an_english_chat_with_a_swedish_name_stays_english_in_a_swedish_page"),
    row("micro.language.line", "sv, no, da -> sv, else en; a missing line falls back to generic",
        "core/test_language.py::test_the_adapter_follows_from_the_language",
        LINE_OF_A_QUESTION),
    row("micro.stage1", "stage 1 learns the raw responses", RUN_EVENTS),
    row("micro.stage2", "stage 2 learns the analysed data",
        PARTS + "stage_one_learns_what_agrees_and_stage_two_what_analysis_made_of_it"),
    row("micro.analysed", "the caller's analyzed_data counts",
        PARTS + "stage_one_learns_what_agrees_and_stage_two_what_analysis_made_of_it"),
    row("micro.samples", "samples are kept as stage1_* and stage2_* JSON",
        NAMES + "micro_learns_in_two_stages_and_what_it_learned_is_certified"),
    row("micro.forget", "fire and forget: 202 at once", MICRO),
    row("micro.dna", "a DNA fingerprint every 50 questions, in the ledger", RUN_EVENTS),
    row("micro.post", "POST /api/training/micro", MICRO),
    row("micro.status", "GET /api/training/micro/status", MICRO),
    row("micro.stats", "GET /api/training/micro/stats", MICRO),
    row("micro.question", "question is required and not empty",
        API + "micro_training_refuses_what_says_nothing"),
    row("micro.responses", "raw_responses is a list of {model, response}",
        API + "micro_training_refuses_what_says_nothing"),
    row("micro.limit", "30 requests a minute per client, then 429",
        API + "more_than_thirty_questions_a_minute_are_429", LIMITS),
    row("micro.events", "stage1_complete, stage2_complete, dna_updated to every listener",
        RUN_EVENTS),
    row("micro.ten", "a live list of the last ten events", MICRO,
        "learning/test_microtrain.py::test_only_the_last_ten_events_are_kept"),
    row("micro.dashboard", "total runs, by language, by stage, last DNA update, last run",
        NAMES + "the_old_dashboard_shows_what_it_is_learning"),
    row("micro.chat", "every question of the page's chat goes through both stages",
        CHAT_STAGES),
    row("micro.command", "the documents' micro_train.py: oneseek micro",
        NAMES + "micro_learns_in_two_stages_and_what_it_learned_is_certified"),
    row("micro.off", "ENABLE_MICROTRAINING switches it off",
        NAMES + "micro_training_is_switched_off_under_both_names"),
]  # fmt: skip

TRAINING = [
    row("train.models", "base models come only from an explicit choice", BAD_RUN,
        "cli/test_cli.py::test_nothing_chosen_is_an_error_and_never_a_default"),
    row("train.models.error", "none: No base models selected", BAD_RUN, OLD),
    row("train.models.environment", "BASE_MODELS, natively",
        NAMES + "base_models_are_read_under_both_names"),
    row("train.models.picker", "the model picker, in the page",
        "page/test_app_first_run.py::"
        "test_scenario_1_the_chosen_model_is_fetched_with_progress_and_answers"),
    row("train.models.second", "a second BASE_MODELS entry is honoured or refused aloud",
        NAMES + "a_server_trains_all_the_base_models_of_the_environment_in_one_run",
        NAMES + "a_second_base_model_that_is_not_here_or_has_the_same_name_is_told",
        "cli/test_cli.py::test_base_models_come_from_the_environment", BAD_RUN),
    row("train.adaptive", "adaptive_weights with min, max and strategy act on a run", WEIGHTS,
        TWO_MODELS + "the_strategy_asked_for_is_the_one_that_acts"),
    row("train.stop", "confidence_auto_stop: threshold, patience, min_epochs end a run",
        "learning/test_training_runs.py::test_auto_stop_ends_where_the_losses_of_a_run_to_the_end_say"),
    row("train.leaderboard", "live_leaderboard told every 5 s with what display says",
        RUN_EVENTS, BLIND),
    row("train.id", "run ids run-%Y%m%d-%H%M%S, no colon", START),
    row("train.atomic", "files are written beside and renamed",
        "learning/test_adaptive.py::test_a_file_is_replaced_whole_or_not_at_all"),
    row("train.get_metrics", "GET /api/training/{run_id}/metrics", START,
        API + "metrics_from_outside_are_kept_under_their_run"),
    row("train.get_leaderboard", "GET /api/training/{run_id}/leaderboard", START),
    row("train.post_metrics", "POST /api/training/{run_id}/metrics",
        API + "metrics_from_outside_are_kept_under_their_run"),
    row("train.socket", "/ws/training?runId= with initial_state first",
        API + "the_training_socket_says_the_state_and_then_the_events_of_its_run"),
    row("train.epoch_end", "epoch_end with every documented field", RUN_EVENTS),
    row("train.val_losses", "val_losses are of a validation part",
        "learning/test_training_runs.py::test_a_run_tells_different_epochs_and_what_the_gate_said_and_keeps_all_of_it"),
    row("train.weight_adjustment", "weight_adjustment is seen", WEIGHTS),
    row("train.complete", "training_complete", RUN_EVENTS),
    row("train.start", "POST /api/admin/training/start-dna-v2", START, BAD_RUN),
    row("train.dataset", "datasetId resolves or gives 404",
        "learning/test_training_runs.py::test_a_data_set_that_is_not_there_is_not_found"),
    row("train.epochs", "epochs are different practice, not one repeated",
        "learning/test_training_runs.py::test_a_run_tells_different_epochs_and_what_the_gate_said_and_keeps_all_of_it"),
    row("train.files", "a run leaves its four documented files",
        PARTS + "a_run_leaves_the_documented_files"),
    row("train.restart", "all of a run is there after a restart",
        "learning/test_training_runs.py::test_a_run_that_a_restart_interrupts_goes_on_to_the_same_bits",
        "learning/test_training_runs.py::test_a_run_can_be_ended_and_one_that_fails_says_why_after_a_restart"),
    row("train.fails", "a run that cannot learn says why",
        API + "a_run_over_nothing_is_refused_aloud",
        "learning/test_training_runs.py::test_a_run_can_be_ended_and_one_that_fails_says_why_after_a_restart"),
    row("train.time", "timestamps are ISO 8601 in UTC and end in Z",
        NAMES + "times_are_told_in_utc_with_a_z", PARTS + "a_run_leaves_the_documented_files"),
    row("train.models_dir", "MODELS_DIR", NAMES + "the_models_folder_is_read_under_both_names"),
    row("train.ledger_url", "LEDGER_URL is told each head; on this machine when that is said",
        TROUBLE + "R38_a_witness_is_told_each_new_head_signed_with_the_persons_key",
        TROUBLE + "R36_a_witness_inside_the_network_is_never_told",
        NAMES + "a_witness_on_this_machine_is_told_only_when_that_is_said"),
    row("train.ledger_key", "LEDGER_PRIVATE_KEY_PATH signs the ledger",
        TROUBLE + "R38_a_witness_is_told_each_new_head_signed_with_the_persons_key",
        TROUBLE + "a_key_that_cannot_sign_ends_the_server_with_words"),
]  # fmt: skip

PROVENANCE = [
    row("name.family", "OneSeek-{size}-Zero.v{MAJOR}.{MICRO}, the size the base model's",
        NAMES + "the_old_status_says_name_and_version",
        "history/test_versions.py::test_the_family_takes_its_size_from_the_base_model"),
    row("name.major", "lessons count MICRO, practice MAJOR", VERSION,
        "history/test_versions.py::test_a_lesson_makes_a_micro_version_and_practice_a_major_one"),
    row("name.certified", "the certified name says language, data, weights and time",
        NAMES + "the_old_status_says_name_and_version", CERTIFIED),
    row("name.current", "a CURRENT pointer names the one in use",
        NAMES + "an_old_or_short_version_name_is_understood"),
    row("name.old", "OneSeek-7B-Zero.v1.0, OQT-1.0.v..., dsCivicID+Autonomy are read",
        NAMES + "the_documents_literal_names_are_read",
        NAMES + "an_old_or_short_version_name_is_understood",
        NAMES + "a_version_name_that_is_none_here_is_refused"),
    row("name.old.import", "an imported adapter keeps the name it came with",
        APP + "scenario_23_an_export_is_what_others_load_and_comes_back",
        "learning/test_training_engine.py::test_an_adapter_keeps_the_name_it_came_with"),
    row("certified.files", "metadata, adapter_config, adapter, results, verify_integrity.py",
        CERTIFIED, "history/test_certified.py::test_an_untouched_version_is_ok_and_has_every_documented_file"),
    row("certified.page", "certified export in the page",
        FELT + "versions_are_signed_with_a_key_of_the_persons_own"),
    row("certified.http", "certified export over HTTP", CERTIFIED),
    row("certified.command", "oneseek export --format certified",
        NAMES + "micro_learns_in_two_stages_and_what_it_learned_is_certified",
        NAMES + "what_has_no_history_is_not_certified"),
    row("certified.tampering", "what was changed is found", CERTIFIED,
        "history/test_certified.py::test_a_few_random_byte_flips_are_all_found"),
    row("reset", "POST /api/models/reset needs RESET",
        API + "reset_needs_the_word"),
    row("reset.logged", "reset keeps base models and is itself logged",
        "learning/test_forget.py::test_reset_needs_the_word_and_leaves_only_the_ledger"),
    row("reset.page", "reset under Versions, typing RESET",
        BACK_IN_PAGE),
    row("reset.runs", "reset takes runs/ along, the one under way too",
        PARTS + "reset_takes_the_runs_along",
        RUNS + "reset_ends_the_run_under_way_and_takes_every_run_along",
        "page/test_app_runs.py::test_reset_under_versions_takes_the_run_under_way_along"),
    row("old.query", "/api/oqt/query", OLD),
    row("old.multi", "/api/oqt/multi-model-query", OLD),
    row("old.micro", "/api/oqt/micro-train", OLD),
    row("old.train", "/api/oqt/train", OLD),
    row("old.status", "/api/oqt/status with name and version",
        NAMES + "the_old_status_says_name_and_version"),
    row("old.metrics", "/api/oqt/metrics", OLD),
    row("old.ledger", "/api/oqt/ledger/*", OLD),
    row("old.dashboard", "/oqt-dashboard leads to Activity",
        NAMES + "the_old_dashboard_shows_what_it_is_learning",
        NAMES + "the_old_dashboards_address_leads_to_activity"),
    row("old.stores", "an export of the oqt_* stores: questions are read, the others left out with words",
        READ + "what_the_system_before_was_asked_is_dropped_and_its_ledger_is_refused",
        "importers/test_formats.py::test_what_the_system_before_was_asked_becomes_exchanges"),
    row("old.variables", "OQT_ before every variable",
        NAMES + "base_models_are_read_under_both_names",
        NAMES + "the_models_folder_is_read_under_both_names",
        NAMES + "micro_training_is_switched_off_under_both_names",
        NAMES + "a_witness_on_this_machine_is_told_only_when_that_is_said"),
    row("identity", "50 bilingual identity examples",
        APP + "it_can_be_taught_who_it_is",
        "learning/test_adaptive.py::test_the_identity_is_fifty_different_examples_half_in_each_language"),
    row("checkpoints", "daily and weekly checkpoints",
        "history/test_versions.py::test_old_snapshots_go_and_current_last_three_daily_and_weekly_stay"),
    row("backup", "local backups, in the page and on the server",
        FELT + "scenario_24_everything_leaves_as_a_backup_is_wiped_and_comes_back",
        API + "a_backup_of_a_server_is_restored_by_the_page_and_one_of_the_page_by_a_server"),
]  # fmt: skip

FAULTS = [
    row("fault.1", "the README's lines run as a shell runs them",
        "tree/test_readme_lines.py::test_a_line_of_build_py_does_what_it_says",
        "tree/test_readme_lines.py::test_a_benchmark_gets_its_options"),
    row("fault.2", "every way to an older version rebuilds it by replay",
        "history/test_going_back.py::test_every_version_of_a_day_is_reached_also_after_a_restart"),
    row("fault.3", "stage 2 learns; stage 1 keeps what agrees",
        PARTS + "stage_one_learns_what_agrees_and_stage_two_what_analysis_made_of_it",
        PARTS + "a_disagreement_is_asked_in_the_queue_and_nothing_is_learned"),
    row("fault.4", "a run's epochs differ; its figures are true",
        "learning/test_training_runs.py::test_a_run_tells_different_epochs_and_what_the_gate_said_and_keeps_all_of_it",
        "learning/test_training_runs.py::test_a_data_set_that_is_not_there_is_not_found"),
    row("fault.5", "training settings have their effect; hybrid and full do not stop learning",
        EACH_MODE, EFFECT, REFUSED),
    row("fault.6", "a model from a file gets its size's recipe; chat-only ones do not learn",
        "core/test_model_sizes.py::test_a_server_and_a_course_train_a_file_as_models_of_its_size_want_it",
        "core/test_model_sizes.py::test_a_model_that_only_chats_learns_through_no_door_and_says_so"),
    row("fault.7", "Activity tells the true outcome of a stage", CHAT_STAGES,
        "page/test_page_api.py::test_a_question_posted_to_the_page_goes_through_both_stages"),
    row("fault.8", "secrets in imported documents are held back",
        API + "a_secret_in_an_imported_text_is_held_back_until_it_is_allowed",
        "core/test_collector.py::test_of_an_import_what_looks_like_a_secret_is_set_apart"),
    row("fault.9", "Download pressed before the engine has started",
        "page/test_app_failures.py::"
        "test_download_pressed_as_soon_as_the_page_reacts_waits_for_its_turn_and_works"),
    row("fault.10", "no code of the documents' names that only tests call", BLIND,
        APP + "a_chat_teaches_facts_or_only_what_is_taught_or_nothing",
        PARTS + "a_switch_that_would_do_nothing_is_refused"),
]  # fmt: skip

HOSTILE = "server/test_hostile_requests.py::test_"
ORIGINS = "page/test_two_origins.py::test_"
EXPORT = "cli/test_export.py::test_"
OUTSIDE = [
    row("outside.1", "a foreign page teaches, resets and reads nothing",
        ORIGINS + "a_stranger_teaches_and_resets_nothing", ORIGINS + "a_stranger_reads_nothing",
        ORIGINS + "a_stranger_that_goes_to_us_itself_changes_nothing",
        ORIGINS + "a_stranger_frames_neither_the_page_nor_the_apis_description",
        ORIGINS + "the_page_itself_may"),
    row("outside.2", "nothing that is shown stops a start",
        "page/test_hostile_answers.py::test_a_chat_of_200_hostile_answers_opens_and_shows_each",
        "page/test_hostile_answers.py::test_code_in_a_language_that_is_not_there_is_shown_plain",
        CHAT + "code_has_colours_and_is_copied_exactly_and_a_search_jumps_to_the_words_it_found"),
    row("outside.3", "a conversation of 9,999 messages does not stop the server",
        HOSTILE + "a_conversation_of_any_length_is_rendered_a_few_times",
        HOSTILE + "more_messages_than_the_model_reads_tokens_are_refused_in_words",
        HOSTILE + "others_are_answered_while_a_prompt_is_made"),
    row("outside.4", "no body and no import is parsed on the event loop without a limit",
        HOSTILE + "a_large_body_is_refused_in_words",
        HOSTILE + "no_megabyte_is_searched_for_a_task_between_two_answers",
        HOSTILE + "an_import_is_read_in_a_process_of_its_own_and_ended_after_its_time",
        HOSTILE + "a_megabyte_of_responses_is_compared_soon_and_beside_the_answers",
        "importers/test_hostile.py::"
        "test_R28_a_page_of_half_a_million_links_is_read_without_looking_for_an_article"),
    row("outside.5", "the site carries a licence and a text for every part",
        "tree/test_supply_chain.py::"
        "test_each_part_of_the_site_is_listed_with_its_licence_and_its_text",
        "tree/test_supply_chain.py::"
        "test_a_part_without_a_licence_or_its_text_stops_the_build_by_name",
        "page/test_page.py::test_help_leads_to_the_licences_of_every_work_the_site_carries"),
    row("outside.6", "secrets of many kinds are held back, ordinary sentences are not",
        APP + "secrets_told_in_a_chat_are_held_with_their_kind_and_asked_about",
        API + "a_secret_is_refused_with_its_kind_until_it_is_allowed",
        "core/test_collector.py::test_secrets_in_obvious_form_are_found",
        "core/test_collector.py::test_a_secret_told_in_passing_is_found"),
    row("outside.7", "a page that is handed over is stored after a question that names its origin",
        ORIGINS + "a_stranger_that_hands_over_a_page_is_named_and_refused"),
    row("outside.8", "half a header and a dripped header end in time",
        HOSTILE + "half_a_header_after_a_whole_request_is_closed",
        "importers/test_fetch.py::test_what_goes_wrong_is_said_in_one_sentence"),
    row("outside.9", "clients are believed, limited and admitted as --help says",
        HOSTILE + "data_sets_are_limited_and_nobody_is_believed_whom_it_asks_for",
        HOSTILE + "figures_of_a_run_that_never_was_are_not_stored",
        HOSTILE + "a_named_page_may_exchange_and_nothing_else"),
    row("outside.10", "what the server keeps is its owner's alone",
        HOSTILE + "what_the_server_keeps_is_its_owners_alone"),
    row("outside.11", "broken archives, addresses, names, keys and words end in words",
        HOSTILE + "strange_names_and_addresses_are_no_fault_of_the_servers",
        HOSTILE + "a_wrong_word_resets_nothing_and_ends_no_round",
        HOSTILE + "a_key_beyond_ascii_opens_as_clients_send_it",
        HOSTILE + "who_listens_beyond_the_limit_is_told_so"),
    row("outside.12", "natively cryptography seals and signs",
        "history/test_exchange_file.py::test_what_openssl_seals_is_the_same_to_the_byte",
        "history/test_signing.py::test_the_examples_of_rfc_8032_hold"),
    row("outside.13", "a data set that starts again keeps integrity", SAME_NAMES),
    row("outside.14", "a run reads targetModules and enableBias and refuses unknown names",
        REFUSED, SKILL_IN_PAGE),
    row("outside.15", "DataCollector heeds the documents' dictionary",
        "core/test_collector.py::test_the_switches_may_be_given_as_one_dictionary"),
    row("outside.16", "versions and data sets are found by the documents' names", SAME_NAMES,
        "server/test_names.py::test_an_old_or_short_version_name_is_understood",
        "history/test_versions.py::test_a_version_is_named_by_the_only_language_that_it_learned"),
    row("outside.17", "questions are trained between the epochs of a run",
        "learning/test_questions_in_runs.py::"
        "test_a_question_asked_during_a_run_is_learned_between_its_epochs",
        "learning/test_questions_in_runs.py::"
        "test_a_run_stopped_after_a_question_between_its_epochs_goes_on_to_the_same_bits"),
    row("outside.18", "the README's fetch answers on a first visit",
        "tree/test_readme.py::test_the_example_for_the_console_answers_on_a_first_visit"),
    row("outside.19", "the documents' Basic Setup runs",
        "tree/test_examples.py::test_the_parts_are_put_together_by_hand"),
    row("outside.20", "Activity and the old dashboard tell the API's counts", QUESTION_LEADS,
        CHAT_STAGES, "page/test_words.py::test_a_stage_is_told_with_its_question_and_its_reason",
        EFFORT + "the_share_follows_the_steps_and_never_falls",
        EFFORT + "the_time_that_is_told_never_grows_while_the_speed_is_the_same"),
    row("outside.21", "a question leads to all that came of it", QUESTION_LEADS, ONE_LINE),
    row("outside.22", "the documents' line of micro-training, eleven steps, and micropip",
        NAMES + "the_documents_line_learns_stage_by_stage",
        "tree/test_guide.py::test_an_appendix_maps_the_eleven_steps_of_the_documents",
        "tree/test_guide.py::test_the_readme_says_why_no_package_is_installed_at_run_time"),
    row("outside.23", "German, French and Spanish, or what is missing said (docs/languages.md)",
        "learning/test_languages.py::test_facts_in_three_more_languages_are_recognised"),
    row("outside.24", "convergence as a benchmark with its curve",
        "learning/test_convergence.py::"
        "test_the_demo_model_learns_a_style_within_what_is_promised",
        TEACH + "a_data_set_is_trained_until_it_no_longer_gets_better_and_resumes"),
    row("outside.25", "what a new user stumbles over", *STUMBLED_OVER.values()),
    row("outside.26", "the command line tells failures in words and exit codes",
        "cli/test_importing.py::test_what_could_not_be_read_is_told_and_ends_in_1",
        EXPORT + "a_full_disk_is_told_in_words", EXPORT + "an_export_that_finds_no_room_leaves_nothing",
        EXPORT + "a_merged_model_brings_its_tokenizer_and_template",
        EXPORT + "what_cannot_be_remembered_ends_in_a_code_of_its_own",
        "cli/test_look.py::test_what_is_no_model_and_what_is_not_whole_say_so",
        "compiler/test_bad_programs.py::test_an_op_over_values_of_two_programs_is_refused"),
    row("outside.27", "apt-get that another process holds is waited for",
        "tree/test_build.py::test_apt_that_another_process_holds_is_waited_for"),
    row("outside.kills", "a server killed a hundred times while versions are promoted loses none",
        "server/test_server_kill.py::"
        "test_R1_a_server_killed_a_hundred_times_while_versions_are_promoted_loses_none"),
    row("outside.security", "docs/security.md names the test of each promise",
        PARTS + "every_test_that_the_page_on_security_names_is_there"),
]  # fmt: skip

BUILD = [
    row("stages.responses", "several responses are examples side by side",
        PARTS + "stage_one_learns_what_agrees_and_stage_two_what_analysis_made_of_it"),
    row("stages.ask", "disagreement becomes a question in Queue",
        PARTS + "a_disagreement_is_asked_in_the_queue_and_nothing_is_learned"),
    row("stages.words", "events, statistics and Activity tell the outcome in plain words",
        CHAT_STAGES, NAMES + "the_old_dashboard_shows_what_it_is_learning"),
    row("runs.page", "Train on a data set, under Activity", RUN_IN_PAGE),
    row("runs.control", "pause, cancel, live chart and time left",
        RUNS + "a_run_can_be_ended_and_one_that_fails_says_why_after_a_restart", THROWN_AWAY,
        "page/test_app_runs.py::test_a_run_that_a_closed_tab_began_says_so_and_can_be_ended"),
    row("runs.failed", "state and reason of a failed run",
        "learning/test_training_runs.py::test_a_run_can_be_ended_and_one_that_fails_says_why_after_a_restart",
        "page/test_app_runs.py::"
        "test_a_run_that_fails_says_why_and_keeps_nothing_else_from_learning"),
    row("runs.folder", "run folders are what the documents say",
        PARTS + "a_run_leaves_the_documented_files"),
    row("runs.dataset", "oneseek train: a data set with a validation part until it gets no better",
        TEACH + "a_data_set_is_trained_until_it_no_longer_gets_better_and_resumes"),
    row("modes.page", "LoRA, hybrid, full as an explained choice with memory and time", MODES_IN_PAGE),
    row("modes.convert", "changed rank or targets go on exactly, or say why not and what to do", LARGER,
        "learning/test_modes.py::"
        "test_a_round_of_another_shape_is_trained_on_a_bench_of_its_own_and_says_its_shape"),
    row("language.short", "short texts by function words, chat and setting: 98 of 100 right",
        "core/test_language.py::"
        "test_short_sentences_with_foreign_names_are_in_the_language_around_the_names",
        NAMES + "an_english_chat_with_a_swedish_name_stays_english_in_a_swedish_page"),
    row("language.neither", "a language that is neither is told as such",
        "core/test_language.py::test_a_language_that_is_neither_is_told_as_such",
        NAMES + "an_english_question_with_a_swedish_name_is_taken_as_english"),
    row("language.lines", "one line, shown to be as good, or a line of each language",
        LINE_OF_A_QUESTION),
    row("models.two", "two base models in one run, loaded or swapped within the room there is",
        IN_TURNS, TWO_MODELS + "models_beside_the_one_that_answers_are_loaded_one_at_a_time",
        TWO_MODELS + "what_is_not_there_or_has_no_room_is_refused_by_name_before_anything",
        TWO_MODELS + "a_run_of_two_models_goes_on_to_the_same_bits_after_a_restart"),
    row("models.blind", "blind comparison of versions, also of two models, kept", RANKED,
        TWO_MODELS + "versions_of_two_models_are_compared_blind_and_counted"),
    row("models.wins", "a leaderboard kept with wins and games", BLIND, RANKED),
    row("chat.switch", "learn from this chat: facts, what I teach, nothing",
        APP + "a_chat_teaches_facts_or_only_what_is_taught_or_nothing"),
    row("chat.down", "a thumb down takes the answer out of what waits; learned, Forget is offered",
        APP + "a_thumb_down_takes_an_answer_out_of_what_is_learned_and_can_be_taken_back", SHOWN,
        "core/test_collector.py::test_a_thumb_up_approves_and_a_thumb_down_takes_away"),
    row("chat.secrets", "what looks like a secret in a chat is held back and can be allowed",
        APP + "secrets_told_in_a_chat_are_held_with_their_kind_and_asked_about",
        API + "a_secret_is_refused_with_its_kind_until_it_is_allowed"),
    row("names.limits", "the rate limit on all endpoints the documents name", LIMITS,
        NAMES + "two_names_of_one_thing_share_their_limit"),
    row("names.readme", "docs/environment.md and --help name every environment variable",
        NAMES + "the_manual_and_the_help_name_every_variable"),
    row("names.share", "the server has the scheduler's duty share",
        NAMES + "a_server_learns_in_its_share_of_the_time"),
    row("names.dna", "the fingerprint is shown and its frequency settable",
        NAMES + "the_fingerprint_is_taken_as_often_as_was_said",
        "history/test_dna.py::test_the_pages_fingerprint_is_the_engines"),
    row("found.merged", "merged export is found: in the page and the command's help",
        APP + "scenario_23_an_export_is_what_others_load_and_comes_back",
        PARTS + "what_can_be_asked_for_stands_in_a_help_text"),
    row("found.depth", "crawl depth is found in --help and kept to",
        PARTS + "what_can_be_asked_for_stands_in_a_help_text",
        FETCH + "depth_one_reads_the_pages_a_page_links_to_and_no_further"),
    row("found.scheduler", "the scheduler's figures have a place",
        PARTS + "the_schedulers_figures_are_told_by_the_server"),
    row("found.ledger", "the ledger's variables stand in --help",
        NAMES + "the_manual_and_the_help_name_every_variable"),
]  # fmt: skip

HOLD = [
    row("hold.table", "this table: every named test exists", PARTS + "every_test_of_the_table_is_there"),
    row("hold.stages", "20 questions, three services of known reliability",
        TWENTY),
    row("hold.identity", "a run over the identity set, resumed to the same bits",
        "learning/test_training_runs.py::test_a_run_that_a_restart_interrupts_goes_on_to_the_same_bits",
        "learning/test_training_runs.py::test_auto_stop_ends_where_the_losses_of_a_run_to_the_end_say",
        FIFTY, RUN_IN_PAGE,
        "server/test_real_run.py::"
        "test_a_run_on_the_real_model_learns_stops_and_goes_on_after_a_kill"),
    row("hold.modes", "hybrid and full in the page within the memory announced",
        EACH_MODE, MODES_IN_PAGE, RUN_IN_PAGE,
        "backends/wasm/test_memory.py::test_a_run_takes_no_more_than_it_announces"),
    row("hold.twelve", "twelve lessons in a day, every version usable",
        "history/test_going_back.py::test_every_version_of_a_day_is_reached_also_after_a_restart",
        BACK_IN_PAGE),
    row("hold.language", "200 short sentences: the language right in >= 98 %",
        "core/test_language.py::"
        "test_short_sentences_with_foreign_names_are_in_the_language_around_the_names"),
]  # fmt: skip

ROWS = [*CLASSES, *MICRO_SERVICE, *TRAINING, *PROVENANCE, *FAULTS, *OUTSIDE, *BUILD, *HOLD]

ENDPOINTS = [
    "POST /api/training/micro",
    "GET /api/training/micro/status",
    "GET /api/training/micro/stats",
    "GET /api/training/{run_id}/metrics",
    "POST /api/training/{run_id}/metrics",
    "GET /api/training/{run_id}/leaderboard",
    "POST /api/admin/training/start-dna-v2",
    "POST /api/models/reset",
    "POST /api/oqt/query",
    "POST /api/oqt/multi-model-query",
    "POST /api/oqt/micro-train",
    "POST /api/oqt/train",
    "GET /api/oqt/status",
    "GET /api/oqt/metrics",
    "GET /api/oqt/ledger",
    "GET /api/oqt/ledger/{what}",
    "GET /oqt-dashboard",
]

CLASS_NAMES = {
    "oneseek.engine.core.settings": "TrainingConfig SchedulerConfig",
    "oneseek.engine.core.queue.training_queue": "TrainingQueue",
    "oneseek.engine.core.collecting.collector": "DataCollector",
    "oneseek.importers.website": "WebsiteImporter",
    "oneseek.importers.image": "ImageImporter",
    "oneseek.importers.text": "TextImporter",
    "oneseek.engine.learning.training_engine": "TrainingEngine",
    "oneseek.engine.core.queue.batches": "BatchManager",
    "oneseek.engine.history.updater": "WeightUpdater",
    "oneseek.engine.core.scheduler": "TrainingScheduler",
    "oneseek.engine.learning.runs": "validate_base_models generate_run_id",
}


def summary() -> list[str]:
    """The lines about this table that the suite prints at its end."""
    open_rows = [one for one in ROWS if one.missing]
    kinds = Counter(one.id.partition(".")[0] for one in ROWS)
    lines = [
        f"{len(ROWS)} requirements of the documents: {len(ROWS) - len(open_rows)} shown, "
        f"{len(open_rows)} open ({', '.join(f'{k} {n}' for k, n in kinds.items())})"
    ]
    return lines + [f"  open  {one.id}: {one.missing}" for one in open_rows]
