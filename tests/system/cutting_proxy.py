"""A TCP proxy that counts what a server sends, and cuts or holds it at a byte."""
import socket
import threading


class CuttingProxy:
    """with CuttingProxy(port) as p: p.port, p.sent = [bytes of each connection].

    p.cuts: for the next connections, the number of bytes of the server after which the connection is closed;
    p.hold: the number after which nothing more comes, as long as the client likes to wait."""

    def __init__(self, port, listen=("127.0.0.1", 0)):
        self.upstream, self.address = port, listen
        self.cuts, self.hold, self.sent = [], None, []

    def __enter__(self):
        self.listener = socket.create_server(self.address)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.end(self.listener)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                self.end(client)  # nobody is there now
                continue
            self.sent.append(0)
            limit = self.cuts.pop(0) if self.cuts else None
            threading.Thread(target=self.up, args=(client, server), daemon=True).start()
            threading.Thread(target=self.down, args=(client, server, limit, len(self.sent) - 1), daemon=True).start()

    def up(self, client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        self.end(client, server)  # the client has gone: the other direction ends, too

    def down(self, client, server, limit, number):
        stop = limit if limit is not None else self.hold
        try:
            while data := server.recv(65536 if stop is None else min(65536, stop - self.sent[number])):
                self.sent[number] += len(data)
                client.sendall(data)
                if self.sent[number] == stop:
                    if limit is None:
                        return  # held: open, and silent
                    break
        except OSError:
            pass
        self.end(client, server)

    @staticmethod
    def end(*sockets):
        """close() alone would wait for the thread that reads."""
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
