"""Divide a run among threads: a board in shared memory holds the work, and each thread takes the
next piece until none is left.

A ticket is the number of the run and of its next piece, so no thread takes a piece of another run.
No thread is required: one does all the pieces, and more do the same pieces sooner. A piece may
begin once a given number of pieces are done; a thread that is too early spins briefly, then sleeps.
"""

from oneseek.engine.backends.wasm.emit import atomic, load, op, value

# Byte offsets on the board; what changes often has a cache line of its own.
TICKET, DONE, SLEEPERS, NEWS, ORDERS = 0, 64, 128, 192, 256
NAMES = ("module", "pieces", "calls", "arguments", "stop", "seats", "scratch", "scratch_size")
MODULE, PIECES, CALLS, ARGUMENTS, STOP, SEATS, SCRATCH, SCRATCH_SIZE = (
    ORDERS + 4 * i for i in range(len(NAMES))
)
HELPED = ORDERS + 4 * len(NAMES)  # pieces done by the helping threads so far
BOARD_BYTES = HELPED + 4
CLOSED = 0x7FFFFFFF  # the ticket's piece while the orders are being written
PIECE_WORDS = (
    4  # first call, last call + 1, pieces done before it begins, pieces done after its stage
)
CALL_WORDS = 4  # function, arguments, part from, part to
NEVER, MILLISECOND = -1, 1_000_000  # timeouts of a wait, in nanoseconds
GIVE_UP_MS = 5000  # without progress; a piece takes one millisecond or less
# Spins before a thread sleeps, 0.1 to 0.2 ms. Waking a core takes half of that, and a token has
# hundreds of waits: without spinning, two threads were no faster than one.
LOOKS = 100_000
LOST = 1  # the result of `run` when a thread took a piece and never finished it


def write_board(module, kernel_type):
    """Write the functions every module has: `run` for the thread that asks, `work` for those that
    help."""
    work = module.function("work", ["board", "me", "module"], result=True)
    write_work(work, kernel_type)
    run = module.function("run", ["board", "first", *NAMES], result=True)
    write_run(run, work)


def write_run(f, work):
    """Publish the orders, wake the other threads, work, and wait until all pieces are done."""
    board, first, *orders = f
    given = dict(zip(NAMES, orders, strict=True))
    number = f.let(op("i64.shr_u", atomic("i64.atomic.load", board, offset=TICKET), 32))
    f.put(ticket(board, number + 1, value(CLOSED)))
    for name, at in zip(NAMES, range(ORDERS, HELPED, 4), strict=True):
        f.put(atomic("i32.atomic.store", board, given[name], offset=at))
    f.put(atomic("i32.atomic.store", board, first, offset=DONE))
    f.put(ticket(board, number + 2, first))
    with f.when(given["seats"] > 1):
        f.drop(atomic("i32.atomic.add", board, 1, offset=NEWS))
        f.drop(atomic("memory.atomic.notify", board, given["seats"] - 1, offset=NEWS))
    with f.when(f.result_of(work, board, 0, given["module"]) > 0):
        f.give(LOST)
    wait_until(f, board, given["stop"], value(1))


def ticket(board, number, piece):
    high = op("i64.shl", number, 32)
    both = op("i64.or", high, op("i64.extend_i32_u", piece))
    return atomic("i64.atomic.store", board, both, offset=TICKET)


def write_work(f, kernel_type):
    """Do one piece after another, while the orders are unchanged and this thread has a seat."""
    board, me, module = f
    seen = f.let(atomic("i64.atomic.load", board, offset=TICKET))
    own = [f.let(load(board, at, "i32.load")) for at in range(ORDERS, HELPED, 4)]
    orders = dict(zip(NAMES, own, strict=True))
    with f.when(op("i32.ne", orders["module"], module)):
        f.give(0)
    with f.when(me >= orders["seats"]):
        f.give(0)
    scratch = f.let(orders["scratch"] + me * orders["scratch_size"])
    number, asks = f.let(op("i64.shr_u", seen, 32)), op("i32.eq", me, 0)
    taken = f.let(value(0))
    with f.repeat() as again:
        now = f.let(atomic("i64.atomic.load", board, offset=TICKET))
        piece = f.let(op("i32.wrap_i64", now))
        same = op("i64.eq", op("i64.shr_u", now, 32), number)
        with f.when(same & (piece < orders["stop"])):
            again.set(1)
            swapped = atomic("i64.atomic.compare_exchange", board, now, now + 1, offset=TICKET)
            with f.when(op("i64.eq", swapped, now)):
                taken += 1
                do_piece(f, board, orders, piece, scratch, asks, kernel_type)
    with f.when(me > 0):
        f.drop(atomic("i32.atomic.add", board, taken, offset=HELPED))


def do_piece(f, board, orders, piece, scratch, asks, kernel_type):
    at = f.let(orders["pieces"] + piece * (4 * PIECE_WORDS))
    wait_until(f, board, f.let(load(at, 8, "i32.load")), asks)
    with f.loop(load(at, 0, "i32.load"), f.let(load(at, 4, "i32.load"))) as number:
        call = f.let(orders["calls"] + number * (4 * CALL_WORDS))
        function, arguments, lo, hi = (load(call, 4 * i, "i32.load") for i in range(CALL_WORDS))
        f.call_by_number(function, kernel_type, orders["arguments"] + arguments, scratch, lo, hi)
    done = f.let(atomic("i32.atomic.add", board, 1, offset=DONE) + 1)
    last = op("i32.eq", done, load(at, 12, "i32.load"))
    with f.when(op("i32.or", last, op("i32.eq", done, orders["stop"]))):
        with f.when(atomic("i32.atomic.load", board, offset=SLEEPERS) > 0):
            f.drop(atomic("memory.atomic.notify", board, NEVER, offset=DONE))


def wait_until(f, board, wanted, asks):
    """Spin, and later sleep, until `wanted` pieces are done. The thread that `asks` gives up after
    GIVE_UP_MS without progress; the others may be ended at any time by whoever started them."""
    patience = f.let(op("i64.extend_i32_u", value(GIVE_UP_MS)))
    forever = f.let(value(NEVER, "i64"))
    looks = f.let(value(0))
    with f.repeat() as early:
        done = f.let(atomic("i32.atomic.load", board, offset=DONE))
        with f.when(done < wanted):
            early.set(1)
            looks += 1
            with f.when(looks > LOOKS):
                f.drop(atomic("i32.atomic.add", board, 1, offset=SLEEPERS))
                limit = f.let(forever)
                with f.when(asks):
                    limit.set(op("i64.mul", patience, MILLISECOND))
                slept = f.let(atomic("memory.atomic.wait32", board, done, limit, offset=DONE))
                f.drop(atomic("i32.atomic.add", board, -1, offset=SLEEPERS))
                unchanged = op("i32.eq", atomic("i32.atomic.load", board, offset=DONE), done)
                with f.when(op("i32.eq", slept, 2) & unchanged):
                    f.give(LOST)


def write_listen(module):
    """Write `listen(board, heard)`, which spins, then sleeps, until there is news and returns its
    number, and `wake(board)`, which makes news for all threads."""
    wake = module.function("wake", ["board"], result=True)
    (board,) = wake
    wake.drop(atomic("i32.atomic.add", board, 1, offset=NEWS))
    wake.drop(atomic("memory.atomic.notify", board, NEVER, offset=NEWS))
    f = module.function("listen", ["board", "heard"], result=True)
    board, heard = f
    forever = f.let(value(NEVER, "i64"))
    looks = f.let(value(0))
    with f.repeat() as quiet:
        same = op("i32.eq", atomic("i32.atomic.load", board, offset=NEWS), heard)
        with f.when(same & (looks < LOOKS)):
            quiet.set(1)
            looks += 1
    f.drop(atomic("memory.atomic.wait32", board, heard, forever, offset=NEWS))
    f.give(atomic("i32.atomic.load", board, offset=NEWS))
