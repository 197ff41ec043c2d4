"""An artifact plugin that keeps artifacts in a folder: python3 plugin.py [--no-streams] SOCKET

An artifact's `plugin.configuration` names the folder: `root: /mnt/artifacts`.
"""

import os
import shutil
import signal
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent))
messages, services = grpc.protos_and_services("artifact.proto")

CHUNK_BYTES = 1 << 20


def place_of(artifact):
    """The file or folder of an artifact. Raises ValueError for a key that leads out of the root."""
    fields = dict(line.split(":", 1) for line in artifact.plugin.configuration.splitlines() if ":" in line)
    root = Path(fields.get("root", "").strip())
    if not root.is_absolute():
        raise ValueError("configuration must name a folder: 'root: /mnt/artifacts'")
    place = Path(os.path.normpath(root / artifact.plugin.key.strip("/")))
    if place != root and root not in place.parents:
        raise ValueError(f"key {artifact.plugin.key!r} leads out of {root}")
    return root, place


def remove(place):
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def publish(aside, place):
    """Puts what was written aside in its place: readers see all of it or nothing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() or aside.is_dir():
        remove(place)
    os.replace(aside, place)


class ArtifactService(services.ArtifactServiceServicer):
    def __init__(self, saves_streams):
        self.saves_streams = saves_streams

    def Load(self, request, context):
        _, place = self.find(request.input_artifact, context)
        copy(place, Path(request.path))
        return messages.LoadArtifactResponse(success=True)

    def OpenStream(self, request, context):
        _, place = self.find(request.artifact, context)
        with place.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield messages.OpenStreamResponse(data=chunk)
        yield messages.OpenStreamResponse(is_end=True)

    def Save(self, request, context):
        source = Path(request.path)
        if not source.exists():
            return messages.SaveArtifactResponse(success=False, error=f"no such file: {source}")
        try:
            root, place = place_of(request.output_artifact)
        except ValueError as error:
            return messages.SaveArtifactResponse(success=False, error=str(error))
        aside = self.aside(root)
        copy(source, aside)
        publish(aside, place)
        return messages.SaveArtifactResponse(success=True)

    def SaveStream(self, requests, context):
        if not self.saves_streams:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "this plugin reads files")
        root, place = place_of(next(requests).output_artifact)
        aside = self.aside(root)
        try:
            with aside.open("wb") as file:
                for request in requests:
                    file.write(request.chunk)
            if not context.is_active():
                raise OSError("the content broke off")
            publish(aside, place)
        finally:
            aside.unlink(missing_ok=True)
        return messages.SaveArtifactResponse(success=True)

    def GetCapabilities(self, request, context):
        if not self.saves_streams:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "of an older release")
        return messages.GetCapabilitiesResponse(supports_save_stream=True)

    def Delete(self, request, context):
        try:
            _, place = place_of(request.artifact)
        except ValueError as error:
            return messages.DeleteArtifactResponse(success=False, error=str(error))
        remove(place)
        return messages.DeleteArtifactResponse(success=True)

    def ListObjects(self, request, context):
        root, place = place_of(request.artifact)
        if not place.exists():
            return messages.ListObjectsResponse(error=f"no key found of name {request.artifact.plugin.key}")
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        names = sorted(str(path.relative_to(root)) for path in files if not path.name.startswith(".aside-"))
        return messages.ListObjectsResponse(objects=names)

    def IsDirectory(self, request, context):
        _, place = self.find(request.artifact, context)
        return messages.IsDirectoryResponse(is_directory=place.is_dir())

    def find(self, artifact, context):
        """The protocol has no word for what is not there; the status tells those who look at it."""
        try:
            root, place = place_of(artifact)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        if not place.exists():
            context.abort(grpc.StatusCode.NOT_FOUND, f"no artifact under {artifact.plugin.key}")
        return root, place

    def aside(self, root):
        root.mkdir(parents=True, exist_ok=True)
        return root / f".aside-{os.getpid()}-{threading.get_ident()}"


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target)


def main():
    socket = sys.argv[-1]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    service = ArtifactService(saves_streams="--no-streams" not in sys.argv)
    services.add_ArtifactServiceServicer_to_server(service, server)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if server.add_insecure_port(f"unix:{socket}") == 0:
        sys.exit(f"cannot listen on {socket}")
    server.start()
    print("plugin: listening", flush=True)
    ended.wait()
    server.stop(grace=2).wait()


if __name__ == "__main__":
    main()
