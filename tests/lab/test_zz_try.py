from conftest import *
Y = """
services:
  a: { listen: "10.9.0.100:80", check: none, backends: { s1: 10.8.0.11:8080 } }
"""
def test_a(lbd, client, srv1, lb):
    s = srv1.serve(8080)
    t=time.time(); d = lbd(Y); print("start", time.time()-t)
    t=time.time(); print(client.ask("10.9.0.100", 80)); print(time.time()-t)
    print(ipvs(lb), d.ctl("service","list"))
    t=time.time()
    with Load(client, "10.9.0.100", 80) as l: l.more(50)
    print(l.per_server(), l.failures, time.time()-t)
    assert 0
