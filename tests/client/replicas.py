"""A primary that fails, and its replica."""


def fail_over(pair):
    """The primary dies, and the replica takes its place behind the same address."""
    servers, clients, link = pair
    servers.reverse()
    servers[1].kill()
    with servers[0].client() as client:
        client.replicaof("NO", "ONE")
    clients.cut()
    link.cut()
