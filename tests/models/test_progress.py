from agentflow.models.progress import LEAST_SECONDS, READ_TIMEOUT_SECONDS, Progress


def lasts(progress, every, characters, until=100_000.0):
    """How long a stream is listened to that brings so many characters every so many seconds."""
    now = 0.0
    while now < until:
        if now + every > progress.deadline:
            return progress.deadline
        now += every
        progress.heard(now, characters)
    return now


def test_silence_is_listened_to_for_two_minutes():
    progress = Progress(16_000, 0.0)
    assert progress.deadline == READ_TIMEOUT_SECONDS
    assert progress.fault == "silent"


def test_pings_alone_buy_no_time():
    progress = Progress(2_000, 0.0)
    assert lasts(progress, 10.0, 0) == LEAST_SECONDS
    assert progress.fault == "stalled"


def test_a_byte_a_minute_is_no_reply():
    assert lasts(Progress(16_000, 0.0), 60.0, 1) < 1000


def test_one_character_a_second_is_no_reply_either():
    assert lasts(Progress(16_000, 0.0), 1.0, 1) < 1500


def test_slow_text_is_heard_to_its_end():
    assert lasts(Progress(16_000, 0.0), 1.0, 10) == 100_000.0


def test_thinking_that_shows_nothing_has_the_time_that_its_tokens_take():
    # 128,000 tokens at 25 a second, of which nothing but pings is seen.
    assert lasts(Progress(128_000, 0.0), 5.0, 0) > 128_000 / 25


def test_the_bounds_keep_their_proportion_to_the_read_timeout():
    assert lasts(Progress(2_000, 0.0, 1.2), 0.1, 0) == LEAST_SECONDS / 100
