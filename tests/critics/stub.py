"""A chat endpoint on loopback that answers what it is told to."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def choice(text, finish="stop"):
    message = {"role": "assistant", "content": text}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": {"total_tokens": 3}}


def status(code, headers=(), body=b""):
    """An answer with this status."""
    def reply(handler, _):
        handler.send_response(code)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def says(what):
    """A text, a JSON value, or raw bytes; `what` may be a function of the posted body."""
    def reply(handler, posted):
        value = what(posted) if callable(what) else what
        value = choice(value) if isinstance(value, str) else value
        status(200, body=value if isinstance(value, bytes) else json.dumps(value).encode())(handler, posted)

    return reply


class Stub:
    """`script` holds the replies in the order of the requests; the last one stays. `posted` and `headers` are what came."""

    def __init__(self):
        self.script, self.posted, self.headers, self.paths, self.lock = [says("fine")], [], [], [], threading.Lock()
        self.released = threading.Event()

    def next(self, handler, posted):
        with self.lock:
            self.posted.append(posted)
            self.headers.append(dict(handler.headers))
            self.paths.append(handler.path)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@contextmanager
def serving():
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                stub.next(self, posted)(self, posted)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def do_GET(self):
            stub.paths.append(f"GET {self.path}")
            status(200)(self, None)

        def log_message(self, *_):
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
