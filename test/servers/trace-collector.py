"""A receiver of OTLP: python3 trace-collector.py [--fail N] [--silent] [--cert FILE --key FILE]

Listens on two ports of 127.0.0.1, for gRPC and for HTTP, and prints a line of JSON for its ports and for each request:
what it was asked with, and the spans that the protocol's own decoder found in it.
"""

import argparse
import gzip
import json
import ssl
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

parser = argparse.ArgumentParser()
parser.add_argument("--fail", type=int, default=0)
parser.add_argument("--silent", action="store_true")
parser.add_argument("--cert")
parser.add_argument("--key")
options = parser.parse_args()
lock = threading.Lock()
failures_left = options.fail


def say(value):
    with lock:
        print(json.dumps(value), flush=True)


def fails():
    global failures_left
    with lock:
        failures_left -= 1
        return failures_left >= 0


def plain(attributes):
    found = {}
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def spans_of(request):
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "name": span.name,
                    "kind": span.kind,
                    "traceId": span.trace_id.hex(),
                    "spanId": span.span_id.hex(),
                    "parentSpanId": span.parent_span_id.hex(),
                    "startMs": span.start_time_unix_nano / 1e6,
                    "endMs": span.end_time_unix_nano / 1e6,
                    "attributes": plain(span.attributes),
                    "events": [{"name": event.name, "attributes": plain(event.attributes)} for event in span.events],
                    "status": span.status.code,
                    "statusMessage": span.status.message,
                    "scope": scope_spans.scope.name,
                    "resource": plain(resource_spans.resource.attributes),
                }


class Grpc(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        headers = dict(context.invocation_metadata())
        if options.silent:
            say({"protocol": "grpc", "headers": headers, "silent": True})
            threading.Event().wait(30)
        if fails():
            say({"protocol": "grpc", "headers": headers, "failed": True})
            context.abort(grpc.StatusCode.UNAVAILABLE, "later")
        say({"protocol": "grpc", "headers": headers, "spans": list(spans_of(request))})
        return trace_service_pb2.ExportTraceServiceResponse()


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        seen = {"protocol": "http", "path": self.path, "headers": headers}
        if options.silent:
            say({**seen, "silent": True})
            threading.Event().wait(30)
        if fails():
            say({**seen, "failed": True})
            return self.answer(503, b"")
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        say({**seen, "spans": list(spans_of(request))})
        self.answer(200, trace_service_pb2.ExportTraceServiceResponse().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Grpc(), server)
web = ThreadingHTTPServer(("127.0.0.1", 0), Http)
if options.cert:
    pair = (open(options.key, "rb").read(), open(options.cert, "rb").read())
    grpc_port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    web.socket = context.wrap_socket(web.socket, server_side=True)
else:
    grpc_port = server.add_insecure_port("127.0.0.1:0")
server.start()
threading.Thread(target=web.serve_forever, daemon=True).start()
say({"grpcPort": grpc_port, "httpPort": web.server_address[1]})
sys.stdin.read()
