# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a pair needs a whole kernel for: the clock of the machine steps, and a core that really writes IPVS is busy. The
rest of the pair is in test_vrrp*.py, which need no guest.
"""
import time

import pytest

from conftest import kernel_has, until
from pair import A4, B4, Wire, both, state
from steps import guest_only, slowness
from test_vrrp_faults import TestLoad as Load, hmac, loaded, pair, row  # noqa: F401: fixtures
from witness import Holders, gaps

STEP = 3600


class TestLoad:
    """I7, with a core that writes IPVS."""

    test_reload = Load.test_reload_of_many_services_delays_no_advert
    test_flapping = Load.test_flapping_backends_delay_no_advert
    test_core_that_stands_still = Load.test_core_that_stands_still_for_a_second_delays_no_advert


@pytest.fixture(scope="module", autouse=True)
def with_ipvs():
    if not kernel_has("ip_vs"):
        pytest.skip("needs a kernel with IPVS", allow_module_level=True)


def step_clock(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def test_clock_of_the_machine_steps_by_an_hour(pair, hmac):  # noqa: F811
    """No timer, no lease and no signature minds: nobody changes its role, no advert is late, the address stays."""
    guest_only()
    interval, slow = 1.0, slowness()
    with Wire(pair.c) as wire, Holders(pair.a, pair.b) as held, both(pair, auth=hmac, advert_interval="1s") as (a, b):
        until(lambda: held.now() == (True, False), "A has it", 20)
        moved = 0
        try:
            for seconds in (STEP, -STEP):
                sent = row(a)["sent"]
                start = time.monotonic()
                step_clock(seconds)
                moved += seconds
                wire.offset = time.monotonic() - time.time()  # the kernel dates frames by that clock
                time.sleep(5)
                assert (state(a), state(b), held.now()) == ("master", "backup", (True, False))
                assert held.nobody(start) == 0.0 and not wire.of(B4)
                found = gaps(wire.of(A4, start))
                print(f"FIGURES clock {seconds:+d}: {len(found) + 1} adverts, worst gap {max(found):.3f}")
                assert max(found) < 1.5 * interval + 0.010 * slow
                assert row(a)["sent"] >= sent + 3
            discarded = row(b).get("discarded", {})
            print(f"FIGURES clock: refused {discarded}")
            assert sum(discarded.values()) <= 2  # one on its way at each step
        finally:
            step_clock(-moved)
