# SPDX-License-Identifier: GPL-2.0-or-later
"""What is ended on one node of a pair is ended on the other, and stays ended."""
from conftest import until
from flows import PORTS, VIP4, VIP6, Echo, Flows
from pair import is_master
from steps import slowness
from test_sync import farm, in_sync, key, known, pair_of  # noqa: F401 (fixtures)

N = 6


def established(d, service):
    return [r for r in d.ctl("conn", "list", "--service", service)["data"] if r["state"] == "established"]


def test_what_is_ended_here_is_ended_there(farm, key):  # noqa: F811
    echo = Echo(farm.servers, [8080, PORTS["dr"]])
    flows = {}
    try:
        with pair_of(farm, key) as (a, b):
            flows["ends"] = Flows(farm.client, VIP4, PORTS["nat"], N)
            flows["stays"] = Flows(farm.client, VIP6, PORTS["nat"], N)
            flows["later"] = Flows(farm.client, VIP4, PORTS["dr"], N)
            known(farm.b, flows)
            assert {r["origin"] for r in established(b, "nat4")} == {"peer"}
            assert a.text("conn", "kill", "--service", "nat4", "-y").strip() == f"{N} flows ended"
            lost = flows["ends"].talk(2 + slowness())
            assert len(lost) == N, lost
            until(lambda: not established(b, "nat4"), "the other node has ended them, too")
            # the backup may end what the master forwards
            assert b.text("conn", "kill", "--service", "dr4", "-y").strip() == f"{N} flows ended"
            until(lambda: not established(a, "dr4"), "the master has ended them")
            assert len(flows["later"].talk(2 + slowness())) == N
            # nobody tells of them again
            for d in (a, b):
                d.text("sync", "resync")
            in_sync(a, b)
            assert not established(a, "nat4") and not established(a, "dr4")
            assert not established(b, "nat4") and not established(b, "dr4")
            a.text("failover", "--wait")
            is_master(b)
            assert flows["stays"].talk(20 + slowness()) == []
            assert len(flows["ends"].talk(1)) == N
            again = Flows(farm.client, VIP4, PORTS["nat"], N)
            again.close()
    finally:
        for f in flows.values():
            f.close()
        echo.close()
